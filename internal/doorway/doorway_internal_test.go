package doorway

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"
)

// An IPv6 host has a /64 of addresses to connect from.
func TestAnIPv6NetworkHasOneHostsShareOfConnections(t *testing.T) {
	d := New(Config{Name: "test", Logger: slog.New(slog.DiscardHandler), Now: time.Now, Max: 4, MaxPerNetwork: 2}, nil)
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
		if bound, _ := d.enter(netip.MustParseAddr(tt.from)); bound != tt.bound {
			t.Errorf("from %s: refused by %q, want %q", tt.from, bound, tt.bound)
		}
	}
}
