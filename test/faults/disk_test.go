package faults_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doorward/doorward/test/deployment"
)

// room is the size of the small disk: a store has a few hundred KiB, JetStream preallocates.
const room = "size=48m"

// diskFull moves a part's files to a small disk, has something else fill it, and makes room again. The part must acknowledge nothing that it can't
// keep, say so, and go on by itself. It needs root, which may mount.
func diskFull(s *suite, p *deployment.Process, folder, metric, words string) {
	s.Helper()
	disk := s.Path(folder)
	s.moveToSmallDisk(p, disk)
	before, since := s.witness(p).Metric(metric), len(p.Log())
	ballast := s.fill(disk)
	from := time.Now()
	s.signs(s.witness(p), metric, before, 0, "")
	deployment.Eventually(s.T, p.Name+" logs "+words, func() bool { return strings.Contains(p.Log()[since:], words) })
	s.wait(*outage)
	s.must(os.Remove(ballast))
	deployment.Eventually(s.T, p.Name+" serves again", func() bool { return s.serves(p) })
	if p == s.Notify {
		s.unrecorded = append(s.unrecorded, [2]time.Time{from, time.Now()})
	}
}

// witness is the part whose metrics tell of another's disk: NATS has none of ours.
func (s *suite) witness(p *deployment.Process) *deployment.Process {
	if p == s.NATS {
		return s.Authn
	}
	return p
}

// moveToSmallDisk stops a part, and starts it again with its files on a disk of their own.
func (s *suite) moveToSmallDisk(p *deployment.Process, folder string) {
	s.Helper()
	p.Kill() // under load a calm stop isn't to be had
	kept := s.TempDir()
	s.copy(folder, kept)
	s.must(syscall.Mount("none", folder, "tmpfs", 0, room))
	s.Cleanup(func() { // when its process has been killed, for that began later
		if err := syscall.Unmount(folder, 0); err != nil {
			s.Error(err)
		}
	})
	s.copy(kept, folder)
	s.Begin(p)
}

// copy copies a folder's files, and leaves out what they have of nothing: a store reserves room that isn't taken yet.
func (s *suite) copy(from, to string) {
	s.Helper()
	said, err := exec.CommandContext(s.Context(), "cp", "-a", "--sparse=always", from+"/.", to).CombinedOutput()
	if err != nil {
		s.Fatalf("copy %s: %v: %s", from, err, said)
	}
}

// fill takes all the room that is left on the disk, and returns the file that has it.
func (s *suite) fill(disk string) string {
	s.Helper()
	file, err := os.Create(filepath.Join(disk, "ballast"))
	s.must(err)
	defer file.Close()
	for size := 1 << 20; size > 0; {
		if _, err := file.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else {
			s.must(err)
		}
	}
	return file.Name()
}

// serves asks for a service's health; of NATS, whether authn can publish.
func (s *suite) serves(p *deployment.Process) bool {
	s.Helper()
	if p == s.NATS {
		return s.Authn.Metric("doorward_outbox_oldest_seconds") < 1
	}
	ctx, cancel := context.WithTimeout(s.Context(), 2*time.Second)
	defer cancel()
	answer, err := grpc_health_v1.NewHealthClient(s.Dial(p)).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	return err == nil && answer.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING
}
