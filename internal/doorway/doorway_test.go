package doorway_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/doorway"
)

// open puts a doorway on a port of this machine and accepts whoever it lets in, until the test ends.
func open(t *testing.T, cfg doorway.Config) *doorway.Doorway {
	t.Helper()
	listener, err := app.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Name, cfg.Now, cfg.Logger = "test", time.Now, slog.New(slog.DiscardHandler)
	d := doorway.New(cfg, listener)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := d.Accept()
			if err != nil {
				return
			}
			go greet(conn)
		}
	}()
	t.Cleanup(func() {
		_ = d.Close()
		<-done
	})
	return d
}

// greet says a word, so that a client knows it was let in, and keeps the connection until the client hangs up.
func greet(conn net.Conn) {
	_, _ = conn.Write([]byte{'!'})
	_, _ = conn.Read(make([]byte, 1))
	_ = conn.Close()
}

// knock connects from an address of this machine. It returns nil when the connection was closed at once.
func knock(t *testing.T, d *doorway.Doorway, from string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 20 * time.Second}
	conn, err := dialer.DialContext(t.Context(), "tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		return nil
	}
	return conn
}

func TestOneAddressKeepsNobodyElseOut(t *testing.T) {
	d := open(t, doorway.Config{Max: 4, MaxPerNetwork: 2})
	for _, tt := range []struct {
		from string
		in   bool
		why  string
	}{
		{"127.0.0.1", true, "there is room"},
		{"127.0.0.1", true, "there is room"},
		{"127.0.0.1", false, "it has its share"},
		{"127.0.0.2", true, "there is room for others"},
		{"127.0.0.3", true, "there is room for others"},
		{"127.0.0.4", false, "all places are taken"},
	} {
		if got := knock(t, d, tt.from) != nil; got != tt.in {
			t.Errorf("%s was let in: %v, but %s", tt.from, got, tt.why)
		}
	}
	want := `
# HELP test_connections Connections that are open.
# TYPE test_connections gauge
test_connections 4
# HELP test_connections_refused_total Connections closed because too many were open, by the bound: the server's or the address's.
# TYPE test_connections_refused_total counter
test_connections_refused_total{bound="address"} 1
test_connections_refused_total{bound="server"} 1
`
	registry := prometheus.NewRegistry()
	registry.MustRegister(d.Collectors()...)
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// All clients come from a proxy.
func TestAProxyIsBoundByTheWholeAlone(t *testing.T) {
	d := open(t, doorway.Config{Max: 4, MaxPerNetwork: 1, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.1.0/24")}})
	for _, tt := range []struct {
		from string
		in   bool
	}{
		{"127.0.0.1", true}, {"127.0.0.1", false},
		{"127.0.1.1", true}, {"127.0.1.1", true}, {"127.0.1.1", true},
		{"127.0.1.1", false},
	} {
		if got := knock(t, d, tt.from) != nil; got != tt.in {
			t.Errorf("%s was let in: %v, want %v", tt.from, got, tt.in)
		}
	}
}

// Answers that nobody takes wait in our memory.
func TestAClientThatDoesntReadIsGivenUp(t *testing.T) {
	listener, err := app.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := doorway.New(doorway.Config{
		Name: "test", Max: 1, MaxPerNetwork: 1, WriteTimeout: 50 * time.Millisecond,
		Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	}, listener)
	defer d.Close()
	client, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := d.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	full := make([]byte, 64<<20) // more than the two machines keep on the way
	if _, err := conn.Write(full); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write = %v, want the deadline", err)
	}
	if _, err := conn.Read(full[:1]); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read = %v, want a closed connection", err)
	}
}

// Who serves a connection may know better, as TLS does when it says goodbye.
func TestADeadlineOfWhoeverServesIsKept(t *testing.T) {
	listener, err := app.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := doorway.New(doorway.Config{
		Name: "test", Max: 1, MaxPerNetwork: 1, WriteTimeout: time.Hour, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	}, listener)
	defer d.Close()
	client, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := d.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for name, set := range map[string]func(time.Time) error{"of writing": conn.SetWriteDeadline, "of all": conn.SetDeadline} {
		if err := set(time.Now().Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte{'!'}); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after a deadline %s that has passed, Write = %v", name, err)
		}
		if err := set(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte{'!'}); err != nil {
			t.Errorf("without the deadline %s, Write = %v", name, err)
		}
	}
}

func TestAPlaceComesBackWhenItsConnectionIsClosed(t *testing.T) {
	d := open(t, doorway.Config{Max: 1, MaxPerNetwork: 1})
	first := knock(t, d, "127.0.0.1")
	if first == nil {
		t.Fatal("there is room, and nobody is let in")
	}
	_ = first.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for knock(t, d, "127.0.0.1") == nil { // the other end notices in a moment
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Fatal("the place stays taken")
		}
	}
}
