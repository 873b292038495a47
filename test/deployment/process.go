package deployment

import (
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

// Process is a command that runs until it is told to stop. Its log outlives it: a restarted one writes on.
type Process struct {
	Name string
	// Args may be added to while it doesn't run, such as "--set", "data_dir=elsewhere".
	Args []string
	// Address is where it serves: gRPC, NATS, or SMTP for the inbox. The portal has a web page there.
	Address string
	// Debug is the address of a service's metrics and profiles.
	Debug string

	t       testing.TB
	path    string
	dir     string
	answers func() bool // says whether it does its work
	running *run
}

// run is one life of a process.
type run struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
	err   error         // how it ended; read after ended is closed
}

func (d *Deployment) process(name, path string, args ...string) *Process {
	return &Process{Name: name, Args: args, t: d.t, path: path, dir: d.dir}
}

// Start runs the command and doesn't wait until it serves: see Deployment.Begin. At the test's end it is killed, if it runs still.
func (p *Process) Start() {
	p.t.Helper()
	if p.running != nil {
		p.t.Fatalf("%s runs already", p.Name)
	}
	log, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(p.t, err)
	defer log.Close() // the process has its own
	// No context: it is a signal that ends it, and how it ends is what we look at.
	cmd := exec.Command(p.path, p.Args...) //nolint:noctx // see above
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, environment(), log, log
	must(p.t, cmd.Start())
	r := &run{cmd: cmd, ended: make(chan struct{})}
	go func() { // ends with the process
		defer close(r.ended)
		r.err = cmd.Wait()
	}()
	p.running = r
	p.t.Cleanup(func() {
		if p.running == r {
			p.Kill()
		}
	})
}

// Stop asks the process to end and demands that it does so well, within its grace, and leaves nothing behind.
func (p *Process) Stop() {
	p.t.Helper()
	before := len(p.Log())
	must(p.t, p.running.cmd.Process.Signal(syscall.SIGTERM))
	grace := time.NewTimer(app.Grace)
	defer grace.Stop()
	select {
	case <-p.running.ended:
		if err := p.running.err; err != nil {
			p.t.Errorf("%s ended badly: %v\n%s", p.Name, err, p.Log())
		}
		p.running = nil
		p.expectCalm(p.Log()[before:])
	case <-grace.C:
		p.t.Errorf("%s didn't end within %v:\n%s", p.Name, app.Grace, p.Log())
		p.Kill()
	}
}

// Kill ends the process by SIGKILL: what it hasn't given to the system is lost.
func (p *Process) Kill() {
	p.t.Helper()
	if err := p.running.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("kill %s: %v", p.Name, err)
	}
	<-p.running.ended
	p.running = nil
}

// Running says whether it was started, and neither stopped nor killed, nor ended by itself.
func (p *Process) Running() bool {
	if p.running == nil {
		return false
	}
	select {
	case <-p.running.ended:
		return false
	default:
		return true
	}
}

// PID is the running process's.
func (p *Process) PID() int { return p.running.cmd.Process.Pid }

func (p *Process) logFile() string { return filepath.Join(p.dir, p.Name+".log") }

// Log is all that it has written so far.
func (p *Process) Log() string {
	p.t.Helper()
	text, err := os.ReadFile(p.logFile())
	must(p.t, err)
	return string(text)
}

// expectCalm demands that a process which stopped complained of nothing from the moment on at which it began to: said is its log since it was
// told to. What it lost or left behind, it would say there.
func (p *Process) expectCalm(said string) {
	p.t.Helper()
	_, stopping, ok := strings.Cut(said, `"msg":"stopping"`)
	if !ok && slices.Contains([]string{"authn", "risk", "notify", "serve"}, p.Name) {
		p.t.Errorf("%s doesn't say that it stops", p.Name)
	}
	for line := range strings.Lines(stopping) {
		if strings.Contains(line, `"level":"WARN"`) || strings.Contains(line, `"level":"ERROR"`) {
			p.t.Errorf("%s complains while it stops: %s", p.Name, line)
		}
	}
}
