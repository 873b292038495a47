package flow_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/pace"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/store/boltstore"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

const (
	ada      = "ada@example.org"
	nobody   = "eve@example.org"
	right    = "correct horse battery staple"
	wrong    = "incorrect horse battery staple"
	another  = "an altogether different phrase"
	issuer   = "https://id.example.org"
	audience = "https://shop.example.org"
)

// operator is who makes audited changes in these tests.
var operator = flow.Actor{Actor: audit.Actor{Kind: audit.Operator, ID: "app_operators"}, Authority: "scope operator", RequestID: "req_1"}

// world is authn's use cases over a real file, a real hash pool with a cheap hash, and a real seal. Only time and risk are made up.
type world struct {
	t          *testing.T
	store      *boltstore.Store
	file       string // the store's
	clock      *clock
	risk       *risk
	challenges *challenges
	kernel     *kernel
	rules      tuning.Policy
	mailKey    *seal.Opener
	sealing    secret.Key
	// cost is what one hash is said to take; failures answer at four times as much.
	cost    time.Duration
	deps    flow.Deps
	metrics *prometheus.Registry
	// pools are the metrics of the hash pool that was made last.
	pools        *prometheus.Registry
	attempts     *flow.Attempts
	sessions     *flow.Sessions
	alerts       *flow.Alerts
	operators    *flow.Operators
	users        *flow.Users
	devices      *flow.Devices
	keys         *flow.Keys
	sweeper      *flow.Sweeper
	restrictions *flow.Restrictions
	invitations  *flow.Invitations
	// app and otherApp are two applications.
	app, otherApp string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOf(t, 32)
}

// newWorldOf is a world whose pool has so many workers; each lane then takes half as many callers again.
func newWorldOf(t *testing.T, workers int) *world {
	t.Helper()
	return newWorldIn(t, t.TempDir(), workers)
}

// inMemory is a folder that no disk has, where the system offers one: for tests that make many worlds, and of what a disk does show nothing.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "doorward-test-") //nolint:usetesting // t.TempDir can't be put there
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func newWorldIn(t *testing.T, dir string, workers int) *world {
	t.Helper()
	w := &world{
		t:          t,
		clock:      &clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)},
		risk:       &risk{answer: byNetwork},
		challenges: &challenges{works: map[string]int{}, spent: map[string]bool{}},
		kernel:     &kernel{},
		rules:      tuning.Default(),
		sealing:    secret.NewKey(),
		cost:       time.Microsecond,
	}
	w.file = filepath.Join(dir, "authn.db")
	w.store = openStoreAt(t, w.file)
	keyFile := filepath.Join(dir, "mail.key")
	recipient, err := seal.CreateKey(keyFile)
	w.must(err)
	w.mailKey, err = seal.LoadOpener(keyFile)
	w.must(err)
	w.keys, err = flow.NewKeys(t.Context(), w.store, w.sealing, issuer, w.clock.Now)
	w.must(err)
	w.metrics = prometheus.NewRegistry()
	metrics, err := flow.NewMetrics(w.metrics)
	w.must(err)
	paces, err := pace.New(1024, w.clock.Now)
	w.must(err)
	w.unpaced()
	w.unchallenged()
	w.deps = flow.Deps{
		Store:      w.store,
		Policy:     func(context.Context) tuning.Policy { return w.rules },
		Pool:       w.pool(cheap, workers),
		Pace:       paces,
		Assess:     w.risk.assess,
		Challenges: w.challenges,
		Breaches:   w.checker(breach.Config{}),
		Mails:      func(aad seal.AAD, plain []byte) (seal.Envelope, error) { return seal.Seal(recipient, aad, plain) },
		Keyring:    w.keys.Keyring,
		Secrets:    flow.DeriveSecrets(secret.NewKey()),
		Now:        w.clock.Now,
		Logger:     slog.New(slog.DiscardHandler),
		Metrics:    metrics,
	}
	w.deps.Lists = flow.NewLists(w.store, w.deps.Logger, metrics)
	w.deps.Refusals = flow.NewRefusals(w.store, w.clock.Now, w.deps.Logger, metrics)
	w.must(w.deps.Lists.Refresh(t.Context()))
	w.through(w.store)
	w.app, w.otherApp = w.application("shop", audience), w.application("forum", "https://forum.example.org")
	return w
}

// checker looks passwords up in the list that ships, and in the sources that a test gives it.
func (w *world) checker(c breach.Config) *breach.Checker {
	w.t.Helper()
	c.MinCount, c.Now, c.Logger, c.Registerer = 1, w.clock.Now, slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	checker, err := breach.New(c)
	w.must(err)
	return checker
}

// unchallenged asks nobody for a proof of work. The tests of challenges turn on what they need.
func (w *world) unchallenged() {
	w.rules.ChallengeSignUp, w.rules.ChallengeAfterFailures, w.rules.ChallengeUnderLoad = tuning.ChallengeOff, 0, false
}

// through has the use cases go through another view of the same store.
func (w *world) through(s store.Store) {
	w.deps.Store = s
	w.attempts, w.sessions, w.alerts = flow.NewAttempts(w.deps), flow.NewSessions(w.deps), flow.NewAlerts(w.deps)
	w.restrictions, w.invitations = flow.NewRestrictions(w.deps), flow.NewInvitations(w.deps)
	w.users, w.devices = flow.NewUsers(w.deps), flow.NewDevices(s, w.clock.Now)
	w.operators, w.sweeper = flow.NewOperators(s, w.clock.Now), flow.NewSweeper(s, w.clock.Now)
}

func openStore(t testing.TB) *boltstore.Store {
	t.Helper()
	return openStoreAt(t, filepath.Join(t.TempDir(), "authn.db"))
}

func openStoreAt(t testing.TB, file string) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(file, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// restart is a new process over the same file: what it only remembered is forgotten.
func (w *world) restart() {
	w.t.Helper()
	w.must(w.store.Close())
	w.store = openStoreAt(w.t, w.file)
	var err error
	w.deps.Pace, err = pace.New(1024, w.clock.Now)
	w.must(err)
	w.deps.Pool = w.pool(cheap, 2)
	w.deps.Lists = flow.NewLists(w.store, w.deps.Logger, w.deps.Metrics)
	w.must(w.deps.Lists.Refresh(w.t.Context()))
	w.through(w.store)
}

func (w *world) application(name, aud string) string {
	w.t.Helper()
	made, err := w.operators.CreateApplication(w.t.Context(), operator, name, aud)
	w.must(err)
	return made.ID
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) view(fn func(store.Tx) error) {
	w.t.Helper()
	w.must(w.store.View(w.t.Context(), fn))
}

func (w *world) update(fn func(store.Tx) error) {
	w.t.Helper()
	w.must(w.store.Update(w.t.Context(), fn))
}

// cheap are parameters that no deployment may use; the kernel of these tests only mixes them in.
var cheap = credential.Params{MemoryKiB: 8, Time: 1, Threads: 1}

func (w *world) pool(params credential.Params, workers int) *credential.Pool {
	w.t.Helper()
	w.pools = prometheus.NewRegistry()
	p, err := credential.NewPool(credential.Config{
		Params: params, Workers: workers, Kernel: w.kernel.hash, Cost: w.cost, Metrics: w.pools,
	})
	w.must(err)
	w.t.Cleanup(p.Close)
	return p
}

// kernel is a hash that costs nothing, counts itself, and can be held up.
type kernel struct {
	count atomic.Int64
	// during, when set, runs within each hash.
	during atomic.Pointer[func()]
}

func (k *kernel) hash(password, salt []byte, p credential.Params, size uint32) []byte {
	k.count.Add(1)
	if during := k.during.Load(); during != nil {
		(*during)()
	}
	input := binary.BigEndian.AppendUint32(append([]byte{}, salt...), p.Time)
	sum := sha256.Sum256(append(input, password...))
	return sum[:size]
}

// hashesDuring says how many hashes a call computed.
func (w *world) hashesDuring(call func()) int {
	before := w.kernel.count.Load()
	call()
	return int(w.kernel.count.Load() - before)
}

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// risk answers as a test says, and remembers what it was asked.
type risk struct {
	mu     sync.Mutex
	answer func(flow.Question) (flow.Judgement, error)
	asked  []flow.Question
}

func (r *risk) assess(_ context.Context, q flow.Question) (flow.Judgement, error) {
	r.mu.Lock()
	r.asked = append(r.asked, q)
	answer := r.answer
	r.mu.Unlock()
	return answer(q)
}

func (r *risk) answers(answer func(flow.Question) (flow.Judgement, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *risk) questions() []flow.Question {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]flow.Question{}, r.asked...)
}

// byNetwork allows the owner's networks and asks for a check of the stranger's.
func byNetwork(q flow.Question) (flow.Judgement, error) {
	if q.IP == strangerIP {
		return judged(flow.GateOpen, attempt.Assessment{DecisionID: "dec_far", Country: "BR", CountryName: "Brazil"})
	}
	return judged(flow.GateOpen, attempt.Assessment{DecisionID: "dec_home", Verdict: attempt.Allow, Country: "CH", CountryName: "Switzerland"})
}

func judged(gate flow.Gate, a attempt.Assessment) (flow.Judgement, error) {
	return flow.Judgement{Gate: gate, Assessment: a}, nil
}

// says is a risk that answers everything alike.
func says(gate flow.Gate, verdict attempt.Verdict) func(flow.Question) (flow.Judgement, error) {
	return func(flow.Question) (flow.Judgement, error) {
		return judged(gate, attempt.Assessment{DecisionID: "dec_said", Verdict: verdict})
	}
}
