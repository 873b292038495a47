package flow

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/services/risk/internal/challenge"
	"github.com/doorward/doorward/services/risk/internal/geo"
	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/score"
	"github.com/doorward/doorward/services/risk/internal/store"
)

// Locator says which country an address belongs to.
type Locator interface {
	Lookup(netip.Addr) (geo.Country, bool)
}

// Deps is what the use cases need from outside. All of it is required.
type Deps struct {
	Store store.Store
	// Policy answers with the policy in force, from its cache.
	Policy   func(context.Context) policy.Snapshot[score.Policy]
	Places   Locator
	Counters *history.Counters
	// Challenges makes proofs of work, and remembers which were redeemed.
	Challenges *challenge.Issuer
	// Ready says whether the view has caught up once.
	Ready func() bool
	// KeepFor and KeepMost say how long decisions are kept, and how many at most.
	KeepFor    time.Duration
	KeepMost   int
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Flow is the use cases, put together.
type Flow struct {
	Assessments *Assessments
	View        *View
	Recorder    *Recorder
	Decisions   *Decisions
	Challenges  *Challenges
}

// New puts the use cases together.
func New(d Deps) (*Flow, error) {
	if d.Store == nil || d.Policy == nil || d.Places == nil || d.Counters == nil || d.Challenges == nil || d.Ready == nil ||
		d.KeepFor <= 0 || d.KeepMost <= 0 || d.Now == nil || d.Logger == nil || d.Registerer == nil {
		return nil, errors.New("flow: something that the use cases need is missing")
	}
	recorder := newRecorder(d)
	m, err := newMetrics(d.Registerer, d.Counters, recorder)
	if err != nil {
		return nil, err
	}
	challenges, err := newChallenges(d)
	if err != nil {
		return nil, err
	}
	profiles := newProfiles(d.Store)
	return &Flow{
		Assessments: &Assessments{deps: d, profiles: profiles, recorder: recorder, metrics: m},
		View:        &View{store: d.Store, places: d.Places, counters: d.Counters, profiles: profiles, now: d.Now},
		Recorder:    recorder,
		Decisions:   &Decisions{store: d.Store, keepFor: d.KeepFor, keepMost: d.KeepMost, now: d.Now},
		Challenges:  challenges,
	}, nil
}
