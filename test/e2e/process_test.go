package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/app"
)

// process is a doorward command that runs until it is told to stop. Its log outlives it: a restarted one writes on.
type process struct {
	name    string
	args    []string
	dir     string
	running *exec.Cmd
	ended   chan error // gets the outcome, once
}

func (p *process) logFile() string { return filepath.Join(p.dir, p.name+".log") }

// start runs the command. At the test's end it is stopped, if it wasn't before.
func (p *process) start(t *testing.T) {
	t.Helper()
	if p.running != nil {
		t.Fatalf("%s runs already", p.name)
	}
	log, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(t, err)
	defer log.Close() // the process has its own
	// No context: it is a signal that ends it, and how it ends is what we look at.
	cmd := exec.Command(binary.path, p.args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, environment(), log, log
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the process
	p.running, p.ended = cmd, ended
	t.Cleanup(func() {
		if p.running == cmd {
			p.kill(t)
		}
	})
}

// stop asks the process to end and demands that it does so well, within its grace, and leaves nothing behind.
func (p *process) stop(t *testing.T) {
	t.Helper()
	before := len(p.log(t))
	must(t, p.running.Process.Signal(syscall.SIGTERM))
	grace := time.NewTimer(app.Grace)
	defer grace.Stop()
	select {
	case err := <-p.ended:
		p.running = nil
		if err != nil {
			t.Errorf("%s ended badly: %v\n%s", p.name, err, p.log(t))
		}
		p.expectCalm(t, p.log(t)[before:])
	case <-grace.C:
		t.Errorf("%s didn't end within %v:\n%s", p.name, app.Grace, p.log(t))
		p.kill(t)
	}
}

// kill ends the process as a power cut does.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.running.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("kill %s: %v", p.name, err)
	}
	t.Logf("%s was killed: %v", p.name, <-p.ended)
	p.running = nil
}

// log is all that it has written so far.
func (p *process) log(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(p.logFile())
	must(t, err)
	return string(text)
}

// expectCalm demands that a process which stopped complained of nothing from the moment on at which it began to: said is its log since it was
// told to. What it lost or left behind, it would say there.
func (p *process) expectCalm(t *testing.T, said string) {
	t.Helper()
	_, stopping, ok := strings.Cut(said, `"msg":"stopping"`)
	if !ok && slices.Contains([]string{"authn", "risk", "notify"}, p.name) {
		t.Errorf("%s doesn't say that it stops", p.name)
	}
	for line := range strings.Lines(stopping) {
		if strings.Contains(line, `"level":"WARN"`) || strings.Contains(line, `"level":"ERROR"`) {
			t.Errorf("%s complains while it stops: %s", p.name, line)
		}
	}
}

// environment is the test's own without what could configure a service.
func environment() []string {
	var kept []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "DOORWARD_") {
			kept = append(kept, pair)
		}
	}
	return kept
}

// command runs a doorward command to its end and returns what it printed; it must succeed.
func command(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	out, err := attempt(t, dir, env, args...)
	if err != nil {
		t.Fatalf("doorward %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// attempt runs a doorward command that may fail; the error has what it complained of.
func attempt(t *testing.T, dir string, env []string, args ...string) (string, error) {
	t.Helper()
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, binary.path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(environment(), env...), &out, &complaints
	if err := cmd.Run(); err != nil {
		return out.String(), errors.Join(err, errors.New(complaints.String()))
	}
	return out.String(), nil
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
