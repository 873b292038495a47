package deployment

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/rpc"
)

// Patience bounds whatever a test waits for. Each thing takes a fraction of a second; what takes longer isn't coming.
const Patience = 30 * time.Second

// askTimeout is for one question to a process that may be about to start.
const askTimeout = 2 * time.Second

// Begin starts processes that don't run, and waits until they serve.
func (d *Deployment) Begin(stopped ...*Process) {
	d.t.Helper()
	for _, p := range stopped {
		p.Start()
	}
	d.awaitServing(stopped...)
}

// Restart stops a process and starts it again.
func (d *Deployment) Restart(p *Process) {
	d.t.Helper()
	p.Stop()
	d.Begin(p)
}

// StopAll stops all that runs, the edge first, and demands that it left no damaged store.
func (d *Deployment) StopAll() {
	d.t.Helper()
	for _, p := range []*Process{d.Portal, d.Notify, d.Authn, d.Risk, d.Suite, d.Inbox, d.NATS} {
		if p != nil && p.running != nil {
			p.Stop()
		}
	}
	for _, pattern := range []string{"data/*.db", "data/*/*.db"} {
		stores, err := filepath.Glob(d.Path(pattern))
		must(d.t, err)
		for _, store := range stores {
			boltdbtest.Check(d.t, store)
		}
	}
}

// awaitServing waits until the processes do their work.
func (d *Deployment) awaitServing(started ...*Process) {
	d.t.Helper()
	for _, p := range started {
		Eventually(d.t, p.Name+" serves", func() bool {
			if !p.Running() {
				d.t.Fatalf("%s ended: %v\n%s", p.Name, p.running.err, p.Log())
			}
			return p.answers()
		})
	}
}

// Dial connects to a service as the operator, by certificate. The connection lives until the test ends.
func (d *Deployment) Dial(service *Process) *grpc.ClientConn {
	d.t.Helper()
	material, err := certs.Load(d.Path("certs"), "operator", slog.New(slog.DiscardHandler))
	must(d.t, err)
	conn, err := rpc.Dial(service.Address, rpc.ClientConfig{TLS: certs.ClientTLS(material, service.Name), BareStatus: true})
	must(d.t, err)
	d.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// healthy asks for a service's health, on one connection.
func (d *Deployment) healthy(service *Process) func() bool {
	var health grpc_health_v1.HealthClient
	return func() bool {
		d.t.Helper()
		if health == nil {
			health = grpc_health_v1.NewHealthClient(d.Dial(service))
		}
		ctx, cancel := context.WithTimeout(d.t.Context(), askTimeout)
		defer cancel()
		answer, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		return err == nil && answer.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING
	}
}

// shows asks for a page.
func (d *Deployment) shows(page string) func() bool {
	return func() bool {
		response, err := d.get(page)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode < http.StatusInternalServerError
	}
}

// accepts opens a connection: the NATS server listens once its streams are there.
func (d *Deployment) accepts(port int) func() bool {
	return func() bool {
		dialer := net.Dialer{Timeout: askTimeout}
		conn, err := dialer.DialContext(d.t.Context(), "tcp", d.address(port))
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	}
}

// Eventually asks until the answer is yes.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", Patience, what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
