package flow_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/risk/internal/challenge"
	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/flow"
	"github.com/doorward/doorward/services/risk/internal/geo"
	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/score"
	"github.com/doorward/doorward/services/risk/internal/store"
	"github.com/doorward/doorward/services/risk/internal/store/boltstore"
)

var (
	noon    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	created = noon.AddDate(0, -1, 0)

	berlin  = netip.MustParseAddr("192.0.2.1")
	bahia   = netip.MustParseAddr("192.0.2.2")
	nowhere = netip.MustParseAddr("192.0.2.3")
)

// places puts the test's addresses somewhere.
type places map[netip.Addr]geo.Country

func (p places) Lookup(ip netip.Addr) (geo.Country, bool) {
	c, ok := p[ip]
	return c, ok
}

// clock is time as the test tells it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is the use cases over a real file.
type world struct {
	*flow.Flow
	t        *testing.T
	clock    *clock
	store    *boltstore.Store
	log      *bytes.Buffer // read it when nothing writes any more
	policy   policy.Snapshot[score.Policy]
	events   uint64
	metrics  *prometheus.Registry
	notReady bool
}

func newWorld(t *testing.T, change func(*flow.Deps)) *world {
	t.Helper()
	w := &world{
		t: t, clock: &clock{now: noon}, log: &bytes.Buffer{}, metrics: prometheus.NewRegistry(),
		policy: policy.Snapshot[score.Policy]{Value: score.DefaultPolicy(), Version: 7},
	}
	path := filepath.Join(t.TempDir(), "risk.db")
	var err error
	w.store, err = boltstore.Open(path, boltstore.Options{})
	must(t, err)
	t.Cleanup(func() {
		must(t, w.store.Close())
		boltdbtest.Check(t, path)
	})
	counters, err := history.NewCounters(history.Config{Now: w.clock.Now})
	must(t, err)
	challenges, err := challenge.New(challenge.Config{Key: secret.NewKey(), Lifetime: time.Minute, MaxSpent: 1, Now: w.clock.Now})
	must(t, err)
	deps := flow.Deps{
		Store:  w.store,
		Policy: func(context.Context) policy.Snapshot[score.Policy] { return w.policy },
		Places: places{berlin: "DE", bahia: "BR"}, Counters: counters, Challenges: challenges, Ready: func() bool { return !w.notReady },
		KeepFor: 30 * 24 * time.Hour, KeepMost: 1000, Now: w.clock.Now, Logger: slog.New(slog.NewTextHandler(w.log, nil)), Registerer: w.metrics,
	}
	if change != nil {
		change(&deps)
	}
	w.Flow, err = flow.New(deps)
	must(t, err)
	return w
}

// assess asks about a sign-in of a user, whose account key is made from their id.
func (w *world) assess(userID string, ip netip.Addr) decision.Record {
	w.t.Helper()
	return w.ask(flow.Question{Purpose: decision.SignIn, AttemptID: "att_1", UserID: userID, Account: account(userID), IP: ip})
}

func (w *world) ask(q flow.Question) decision.Record {
	w.t.Helper()
	r, err := w.Assessments.Assess(w.t.Context(), q)
	must(w.t, err)
	return r
}

// cursor is the place of the next event.
func (w *world) cursor() history.Cursor {
	w.events++
	return history.Cursor{StreamCreated: created, Sequence: w.events, EventID: fmt.Sprintf("evt_%d", w.events), Stored: w.clock.Now()}
}

// signedIn tells of a sign-in that completed what was assessed, and returns its session.
func (w *world) signedIn(r decision.Record) string {
	w.t.Helper()
	at := w.cursor()
	session := fmt.Sprintf("ses_%d", at.Sequence)
	must(w.t, w.View.SignedIn(w.t.Context(), flow.SignedIn{
		EventID: at.EventID, UserID: r.UserID, UserVersion: at.Sequence, SessionID: session, At: w.clock.Now(), IP: r.IP,
		Account: account(r.UserID), DecisionID: r.ID,
	}, at))
	return session
}

func (w *world) view(fn func(store.Tx) error) {
	w.t.Helper()
	must(w.t, w.store.View(w.t.Context(), fn))
}

func account(userID string) history.Account { return history.Account("key of " + userID) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
