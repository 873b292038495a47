package flow

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
)

const (
	// refusalWindow and refusalsTold bound the audit log, whose pace a stranger sets here: of each rule so many refusals are told one by one
	// within a window, and the others as a number at its end.
	refusalWindow = time.Minute
	refusalsTold  = 10
)

const actionRestricted = "sign_up.restrict"

// Refusals write the audit records of sign-ups that the restrictions refused. Each rule has its own share, so that a flood against one doesn't
// hide the others.
type Refusals struct {
	store   store.Store
	now     func() time.Time
	logger  *slog.Logger
	metrics *Metrics

	mu sync.Mutex
	// tallies are one for each rule that has refused, and there are a dozen rules.
	tallies map[restriction.Rule]*tally
}

// tally is what came of one rule within a window.
type tally struct {
	since        time.Time
	told, untold int
}

// NewRefusals begins with nothing.
func NewRefusals(s store.Store, now func() time.Time, logger *slog.Logger, metrics *Metrics) *Refusals {
	return &Refusals{store: s, now: now, logger: logger, metrics: metrics, tallies: map[restriction.Rule]*tally{}}
}

// tell keeps account of a refusal. One that can't be written is in the log; it stays a refusal.
func (r *Refusals) tell(ctx context.Context, a attempt.Attempt, j restriction.Judgement) {
	r.metrics.refusedBy(j.Reason)
	now := r.now()
	each, sum := r.count(j.Reason, now)
	var records []audit.Record
	if sum != nil {
		records = append(records, *sum)
	}
	if each {
		records = append(records, refusalRecord(a, j, now))
	}
	r.write(ctx, records)
}

// count says whether a refusal has a record of its own, and gives the sum of a window that is over.
func (r *Refusals) count(rule restriction.Rule, now time.Time) (each bool, sum *audit.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tallies[rule]
	if t == nil || now.Sub(t.since) >= refusalWindow || now.Before(t.since) {
		sum = t.sum(rule, now)
		t = &tally{since: now}
		r.tallies[rule] = t
	}
	if t.told < refusalsTold {
		t.told++
		return true, sum
	}
	t.untold++
	return false, sum
}

// sum is the record of those that had none; nil when there are none.
func (t *tally) sum(rule restriction.Rule, now time.Time) *audit.Record {
	if t == nil || t.untold == 0 {
		return nil
	}
	return &audit.Record{
		ID: id.New("aud", now), At: now, Actor: audit.Actor{Kind: audit.System, ID: source}, Action: actionRestricted, Reason: string(rule),
		Outcome: audit.Refused,
		Detail:  audit.Details("rule", rule, "more", t.untold, "since", t.since.UTC().Format(time.RFC3339)),
	}
}

// Sum writes the sums of the windows that are over, or of all of them.
func (r *Refusals) Sum(ctx context.Context, all bool) {
	now := r.now()
	var sums []audit.Record
	r.mu.Lock()
	for rule, t := range r.tallies {
		if !all && now.Sub(t.since) < refusalWindow {
			continue
		}
		if sum := t.sum(rule, now); sum != nil {
			sums = append(sums, *sum)
		}
		delete(r.tallies, rule)
	}
	r.mu.Unlock()
	r.write(ctx, sums)
}

func (r *Refusals) write(ctx context.Context, records []audit.Record) {
	if len(records) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	err := r.store.Update(ctx, func(tx store.Tx) error {
		for _, record := range records {
			if err := tx.Audit.Append(record); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.logger.ErrorContext(ctx, "refused sign-ups can't be written into the audit log", slog.Int("records", len(records)), slog.Any("error", err))
	}
}

// refusalRecord is a refused sign-up, with every rule's word.
func refusalRecord(a attempt.Attempt, j restriction.Judgement, now time.Time) audit.Record {
	said := make([]string, len(j.Findings))
	for i, f := range j.Findings {
		said[i] = findingText(f)
	}
	network, err := netip.ParseAddr(a.Origin.IP)
	if err != nil {
		network = netip.Addr{} // which a rule has said
	}
	return audit.Record{
		ID: id.New("aud", now), At: now,
		Actor:   audit.Actor{Kind: audit.Application, ID: a.Binding.ApplicationID},
		Action:  actionRestricted,
		Target:  audit.Target{Kind: "email", ID: a.Canonical},
		Network: network,
		Reason:  string(j.Reason),
		Outcome: audit.Refused,
		Detail:  audit.Details("rule", j.Reason, "attempt_id", a.ID, "findings", strings.Join(said, "; ")),
	}
}

func findingText(f restriction.Finding) string {
	about := f.Shipped
	switch {
	case f.Entry.Name != "":
		about = fmt.Sprintf("%s in %s", f.Entry.AsWritten(), f.Entry.List)
	case f.Mailbox != "":
		about = f.Mailbox
	case f.Invitation != "":
		about = f.Invitation
	case f.InvitationFault != "":
		about = f.InvitationFault
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Rule, f.Effect, about))
}
