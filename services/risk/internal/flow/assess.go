package flow

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/score"
	"github.com/doorward/doorward/services/risk/internal/signal"
)

// Question is what authn knows of an attempt.
type Question struct {
	Purpose     decision.Purpose
	AttemptID   string
	UserID      string // empty if the identifier belongs to nobody
	Account     history.Account
	IP          netip.Addr
	KnownDevice bool
}

// Assessments judges attempts. Safe for concurrent use.
type Assessments struct {
	deps     Deps
	profiles *profiles
	recorder *Recorder
	metrics  *metrics
}

// Assess counts the try, decides, and hands the decision to the recorder. It waits for no disk but for the history of a user who hasn't
// been seen lately.
func (a *Assessments) Assess(ctx context.Context, q Question) (decision.Record, error) {
	if !a.deps.Ready() {
		return decision.Record{}, errNotReady
	}
	now := a.deps.Now()
	ip := q.IP.Unmap().WithZone("")
	r := decision.Record{
		ID: id.New("dec", now), At: now, Purpose: q.Purpose, AttemptID: q.AttemptID, UserID: q.UserID, IP: ip, KnownDevice: q.KnownDevice,
	}
	before := a.deps.Counters.Begin(history.Try{Ref: r.ID, IP: ip, Account: q.Account, Known: q.KnownDevice})
	past, err := a.profiles.of(ctx, q.UserID)
	if err != nil {
		return decision.Record{}, fmt.Errorf("assess: %w", err)
	}
	r.Country, _ = a.deps.Places.Lookup(ip)
	policy := a.deps.Policy(ctx)
	r.PolicyVersion = policy.Version
	r = r.Answer(score.Decide(policy.Value, score.Facts{
		Origin:  signal.Origin{IPFailures: before.IP},
		Account: signal.Account{At: now, Country: r.Country, History: past, Failures: before.Account},
	}))
	a.recorder.add(r)
	a.metrics.assessed(r)
	return r, nil
}
