package testbed

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is one party's way to a server. It can be cut or made slow, while the server lives on and everybody else's way to it stays.
type Proxy struct {
	target   string
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex
	cut   bool
	delay func() time.Duration
	open  map[net.Conn]struct{}
}

// StartProxy passes connections on to the target until the test ends.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	p := &Proxy{target: target, listener: listener, open: map[net.Conn]struct{}{}}
	p.running.Go(p.serve)
	t.Cleanup(func() {
		p.Cut()
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		p.running.Wait()
	})
	return p
}

// Addr is where the way begins.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut ends all connections, and every new one at once.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for conn := range p.open {
		_ = conn.Close()
	}
}

// Mend lets connections through again.
func (p *Proxy) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
}

// Delay holds back whatever the server says, each time for as long as pause says. What it is told arrives at once. Pause is called from several
// goroutines.
func (p *Proxy) Delay(pause func() time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = pause
}

func (p *Proxy) serve() {
	for {
		near, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			p.running.Go(func() { p.pass(near) })
		}
	}
}

// pass copies both ways until one side ends, which ends the other.
func (p *Proxy) pass(near net.Conn) {
	defer p.forget(near)
	if !p.keep(near) {
		return
	}
	var dialer net.Dialer
	far, err := dialer.DialContext(context.Background(), "tcp", p.target)
	if err != nil {
		return
	}
	defer p.forget(far)
	if !p.keep(far) {
		return
	}
	p.running.Go(func() {
		_, _ = io.Copy(far, near)
		_ = far.Close()
	})
	_, _ = io.Copy(near, slow{far, p})
}

// slow is a server's side that hesitates.
type slow struct {
	net.Conn
	proxy *Proxy
}

func (s slow) Read(into []byte) (int, error) {
	n, err := s.Conn.Read(into)
	s.proxy.mu.Lock()
	pause := s.proxy.delay
	s.proxy.mu.Unlock()
	if pause != nil {
		timer := time.NewTimer(pause())
		defer timer.Stop()
		<-timer.C
	}
	return n, err
}

// keep remembers a connection, so that it can be cut; false when it is cut already.
func (p *Proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[conn] = struct{}{}
	return !p.cut
}

func (p *Proxy) forget(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
}
