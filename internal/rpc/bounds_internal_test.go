package rpc

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doorward/doorward/internal/access"
)

// An IPv6 host has a /64 of addresses to connect from.
func TestAnIPv6NetworkHasOneHostsShareOfConnections(t *testing.T) {
	d := newDoorway(ServerConfig{Name: "authn", Logger: slog.New(slog.DiscardHandler), Now: time.Now, Limits: Limits{MaxConnections: 4}}, nil)
	for _, tt := range []struct {
		from  string
		bound string
	}{
		{"2001:db8:0:1::1", ""},
		{"2001:db8:0:1::2", ""},
		{"2001:db8:0:1:ffff::3", boundAddress},
		{"2001:db8:0:2::1", ""},
		{"192.0.2.1", ""},
		{"192.0.2.2", boundServer},
	} {
		if bound, _ := d.enter(access.Network(netip.MustParseAddr(tt.from))); bound != tt.bound {
			t.Errorf("from %s: refused by %q, want %q", tt.from, bound, tt.bound)
		}
	}
}

// Whoever holds a stream open without saying who they are may not take the places of those who did.
func TestHealthStreamsMakeRoomForOthers(t *testing.T) {
	for method, rule := range withOwnRows(nil, true) {
		oneAnswer := method == healthpb.Health_Check_FullMethodName || method == healthpb.Health_List_FullMethodName
		if want := access.Deferrable; !oneAnswer && rule.Priority != want {
			t.Errorf("%s: priority %v, want %v", method, rule.Priority, want)
		}
	}
}
