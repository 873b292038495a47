package portal_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/doorward/doorward/services/portal"
)

// withTLS has the portal end TLS itself, so that browsers come to it from their own addresses.
func withTLS(cfg *portal.Config) {
	cfg.TLSCert, cfg.TLSKey = filepath.Join(cfg.Certs, "portal.pem"), filepath.Join(cfg.Certs, "portal.key")
}

// keep asks for the style sheet on a new connection from an address of this machine, over TLS if the URL says so, and keeps the connection.
func (s *suite) keep(t *testing.T, from string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	scheme, address, _ := strings.Cut(s.url, "://")
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext(ctx, "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if scheme == "https" {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	const answer = "HTTP/1.1 200"
	if _, err := io.WriteString(conn, "GET /style.css HTTP/1.1\r\nHost: portal\r\n\r\n"); err != nil {
		return err
	}
	got := make([]byte, len(answer))
	if _, err := io.ReadFull(conn, got); err != nil {
		return err
	}
	if string(got) != answer {
		return errors.New(string(got))
	}
	return nil
}

// Whoever keeps as many connections open as they get, and asks for something now and then, must leave room for owners.
func TestOneAddressDoesntKeepOwnersFromConnecting(t *testing.T) {
	s := start(t, withTLS)
	s.url = strings.Replace(s.url, "http:", "https:", 1)
	const most, share = 1024, 128
	got := 0
	for s.keep(t, "127.0.0.1") == nil {
		if got++; got >= most {
			t.Fatalf("one address has all %d connections", got)
		}
	}
	if got != share {
		t.Errorf("one address has %d connections, want %d", got, share)
	}
	if err := s.keep(t, "127.0.0.2"); err != nil {
		t.Errorf("an owner elsewhere: %v", err)
	}
	want := `
# HELP doorward_portal_connections_refused_total Connections closed because too many were open, by the bound: the server's or the address's.
# TYPE doorward_portal_connections_refused_total counter
doorward_portal_connections_refused_total{bound="address"} 1
doorward_portal_connections_refused_total{bound="server"} 0
`
	if err := testutil.GatherAndCompare(s.metrics, strings.NewReader(want), "doorward_portal_connections_refused_total"); err != nil {
		t.Error(err)
	}
}

// All browsers come from the proxy.
func TestAProxyHasMoreConnectionsThanABrowser(t *testing.T) {
	tests := map[string]func(*portal.Config){
		"one that ends TLS on this machine": nil,
		"one that is trusted, before our own TLS": func(cfg *portal.Config) {
			withTLS(cfg)
			cfg.TrustedProxies = trusted("127.0.0.1/32")
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t, change)
			if change != nil {
				s.url = strings.Replace(s.url, "http:", "https:", 1)
			}
			for i := range 200 {
				if err := s.keep(t, "127.0.0.1"); err != nil {
					t.Fatalf("connection %d: %v", i, err)
				}
			}
		})
	}
}
