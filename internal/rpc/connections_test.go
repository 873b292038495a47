package rpc_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
)

// connect makes a call on a new connection from an address of this machine. The connection stays open if it was let in.
func (s *suite) connect(t *testing.T, from string) (*grpc.ClientConn, error) {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := grpc.NewClient(s.server.Addr().String(),
		grpc.WithTransportCredentials(credentials.NewTLS(certs.ClientTLS(material(t, s.certs, "authn"), "risk"))),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := call(t.Context(), conn, methodDo, valid()); err != nil {
		_ = conn.Close() // or it would try again and again
		return nil, err
	}
	return conn, nil
}

func TestConnectionsAreBounded(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, func(c *rpc.ServerConfig) { c.Limits.MaxConnections = 4 })
	var first *grpc.ClientConn
	for _, tt := range []struct {
		from string
		ok   bool
		why  string
	}{
		{"127.0.0.1", true, "there is room"},
		{"127.0.0.1", true, "there is room"},
		{"127.0.0.1", false, "one address has half of the places"},
		{"127.0.0.2", true, "there is room for others"},
		{"127.0.0.3", true, "there is room for others"},
		{"127.0.0.4", false, "all places are taken"},
	} {
		conn, err := s.connect(t, tt.from)
		if (err == nil) != tt.ok || err != nil && fault.KindOf(fault.FromStatus(err)) != fault.Unavailable {
			t.Fatalf("from %s: %v, want a connection: %v, for %s", tt.from, err, tt.ok, tt.why)
		}
		if first == nil {
			first = conn
		}
	}
	want := `
# HELP doorward_rpc_connections Connections that are open.
# TYPE doorward_rpc_connections gauge
doorward_rpc_connections{service="risk"} 4
`
	if err := testutil.GatherAndCompare(s.metrics, strings.NewReader(want), "doorward_rpc_connections"); err != nil {
		t.Error(err)
	}
	for _, line := range []string{"too many connections are open: new ones are closed", `"bound":"address"`, `"network":"127.0.0.1"`} {
		if !strings.Contains(s.log.String(), line) {
			t.Errorf("the log lacks %s: %s", line, s.log)
		}
	}

	_ = first.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	// It waits until the server has noticed.
	if err := call(ctx, s.dial(t, "authn", nil), methodDo, valid(), grpc.WaitForReady(true)); err != nil {
		t.Errorf("a call after a place was given back: %v", err)
	}
}
