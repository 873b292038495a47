package access_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
)

func guard(t *testing.T, rows access.Table, maxBuckets int) *access.Guard {
	t.Helper()
	g, err := access.NewGuard(access.GuardConfig{
		Table: rows, Logger: slog.New(slog.DiscardHandler), Now: time.Now, MaxBuckets: maxBuckets,
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func admitted(t *testing.T, g *access.Guard, method string, p access.Principal, calls int) int {
	t.Helper()
	n := 0
	for range calls {
		err := g.Admit(t.Context(), method, p)
		switch {
		case err == nil:
			n++
		case fault.ReasonOf(err) != typev1.Reason_REASON_RATE_LIMITED:
			t.Fatalf("Admit: %v", err)
		}
	}
	return n
}

func app(id string) access.Principal {
	return principal(access.Application, id, "speak_for_users", "assert")
}

func stranger(addr string) access.Principal {
	return access.Principal{Kind: access.Public, Peer: netip.MustParseAddr(addr)}
}

func TestRateHoldsPerCallerAndRefills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, table(), 0)
		if got := admitted(t, g, speak, app("app_1"), 10); got != 2 {
			t.Errorf("first burst: %d calls admitted, want 2", got)
		}
		if got := admitted(t, g, speak, app("app_2"), 10); got != 2 {
			t.Errorf("another caller: %d calls admitted, want 2", got)
		}

		err := g.Admit(t.Context(), speak, app("app_1"))
		wait := fault.RetryAfterOf(err)
		if wait <= 0 || wait > 500*time.Millisecond {
			t.Fatalf("RetryAfter = %v, want the time to the next call, at most 500ms", wait)
		}
		time.Sleep(wait) // synctest's clock: this waits for nothing
		if got := admitted(t, g, speak, app("app_1"), 10); got != 1 {
			t.Errorf("after RetryAfter: %d calls admitted, want 1", got)
		}
		time.Sleep(time.Hour)
		if got := admitted(t, g, speak, app("app_1"), 10); got != 2 {
			t.Errorf("after an hour: %d calls admitted, want the burst of 2 and no more", got)
		}
	})
}

func TestBurstIsApartFromTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := access.Table{anybody: {Callers: access.Public, Limit: access.PerSecond(1).Burst(5), Priority: access.Vital}}
		g := guard(t, rows, 0)
		if got := admitted(t, g, anybody, stranger("192.0.2.1"), 10); got != 5 {
			t.Errorf("%d calls admitted, want the burst of 5", got)
		}
		time.Sleep(2 * time.Second)
		if got := admitted(t, g, anybody, stranger("192.0.2.1"), 10); got != 2 {
			t.Errorf("two seconds later: %d calls admitted, want 2", got)
		}
	})
}

func TestStrangersArePacedByNetwork(t *testing.T) {
	tests := []struct {
		name, first, second string
		shared              bool
	}{
		{"two IPv4 hosts", "192.0.2.1", "192.0.2.2", false},
		{"one IPv6 network", "2001:db8::1", "2001:db8::ffff:2", true},
		{"two IPv6 networks", "2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"IPv4 in IPv6 is IPv4", "192.0.2.1", "::ffff:192.0.2.1", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rows := access.Table{anybody: {Callers: access.Public, Limit: access.PerSecond(1), Priority: access.Vital}}
				g := guard(t, rows, 0)
				admitted(t, g, anybody, stranger(tt.first), 1)
				if got := admitted(t, g, anybody, stranger(tt.second), 1) == 0; got != tt.shared {
					t.Errorf("shared = %v, want %v", got, tt.shared)
				}
			})
		})
	}
}

func TestWhoeverShowsACertificateIsntPacedWithStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := access.Table{anybody: {Callers: access.Public, Limit: access.PerSecond(2), Priority: access.Vital}}
		g := guard(t, rows, 0)
		admitted(t, g, anybody, stranger("192.0.2.1"), 10)
		known := stranger("192.0.2.1")
		known.Certificate = "operator"
		if got := admitted(t, g, anybody, known, 10); got != 2 {
			t.Errorf("%d calls admitted, want a bucket of its own: 2", got)
		}
	})
}

func TestFullLimiterNeitherGrowsNorOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := access.Table{anybody: {Callers: access.Public, Limit: access.PerSecond(2), Priority: access.Vital}}
		g := guard(t, rows, 10)
		total := 0
		for i := range 1000 {
			total += admitted(t, g, anybody, stranger(fmt.Sprintf("10.0.%d.%d", i/250, i%250)), 1)
		}
		if total != 10+2 {
			t.Errorf("%d of 1000 strangers admitted, want 10 with a bucket each and 2 from the crowd", total)
		}
		time.Sleep(2 * time.Second)
		if got := admitted(t, g, anybody, stranger("10.9.9.9"), 10); got != 2 {
			t.Errorf("once the others are idle, a newcomer has %d calls, want a bucket of its own: 2", got)
		}
	})
}

func TestParallelCallsCantOutrunTheLimit(t *testing.T) {
	frozen := time.Now()
	g, err := access.NewGuard(access.GuardConfig{
		Table:  access.Table{anybody: {Callers: access.Public, Limit: access.PerSecond(50), Priority: access.Vital}},
		Logger: slog.New(slog.DiscardHandler),
		Now:    func() time.Time { return frozen },
	})
	if err != nil {
		t.Fatal(err)
	}
	var count atomic.Int64
	var wg sync.WaitGroup
	for range 500 {
		wg.Go(func() {
			if g.Admit(t.Context(), anybody, stranger("192.0.2.1")) == nil {
				count.Add(1)
			}
		})
	}
	wg.Wait()
	if got := count.Load(); got != 50 {
		t.Errorf("%d calls admitted, want 50", got)
	}
}

func TestRefusedCallersSpendNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, table(), 0)
		for range 10 {
			if err := g.Admit(t.Context(), speak, principal(access.Application, "app_1")); err == nil {
				t.Fatal("admitted without the scope")
			}
		}
		if got := admitted(t, g, speak, app("app_1"), 10); got != 2 {
			t.Errorf("%d calls admitted, want 2", got)
		}
	})
}

func TestMissingRowIsLoggedAsOurMistake(t *testing.T) {
	var out bytes.Buffer
	g, err := access.NewGuard(access.GuardConfig{
		Table: table(), Logger: slog.New(slog.NewTextHandler(&out, nil)), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Admit(t.Context(), forgotten, principal(access.Operator, "usr_1")); err == nil {
		t.Error("a method without a row was admitted")
	}
	if log := out.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, forgotten) {
		t.Errorf("log = %q, want an error that names the method", log)
	}
}

func TestGuardRefusesAnIncompleteTable(t *testing.T) {
	_, err := access.NewGuard(access.GuardConfig{
		Table:  access.Table{halfWay: {Callers: access.Operator}},
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err == nil {
		t.Error("NewGuard took a row without a limit")
	}
}

func TestPrincipalTravelsInTheContext(t *testing.T) {
	if _, ok := access.FromContext(t.Context()); ok {
		t.Error("a context without a caller has one")
	}
	want := app("app_1")
	got, ok := access.FromContext(access.NewContext(t.Context(), want))
	if !ok || got.ID != want.ID || got.Kind != want.Kind {
		t.Errorf("FromContext = %v, %v", got, ok)
	}
}
