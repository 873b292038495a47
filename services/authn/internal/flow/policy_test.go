package flow_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// newPolicies are the use cases over the world's store.
func newPolicies(w *world) *flow.Policies {
	kept, err := policy.Open(w.t.Context(), policy.Config[tuning.Policy]{
		Defaults: tuning.Default(), Validate: tuning.Policy.Validate, Now: w.clock.Now, Logger: slog.New(slog.DiscardHandler),
		Read: func(ctx context.Context, fn func(policy.Records) error) error {
			return w.store.View(ctx, func(tx store.Tx) error { return fn(tx.Policies) })
		},
	})
	w.must(err)
	return flow.NewPolicies(w.store, kept, w.deps.Lists, func(p tuning.Policy) error {
		if p.BreachMode == breach.CorpusOnly {
			return &tuning.Fault{Field: "breach_mode", Value: "corpus", Rule: "needs a corpus"}
		}
		return nil
	})
}

func TestAPolicyIsChangedAuditedAndTold(t *testing.T) {
	w := newWorld(t)
	policies := newPolicies(w)
	wanted := tuning.Default()
	wanted.LockoutFailures = 20
	wanted.PasswordContextWords = []string{"acme"}
	rows := w.rowsDuring(func() {
		version, err := policies.Update(t.Context(), operator, flow.PolicyChange{Policy: wanted, Note: "fewer calls"})
		w.must(err)
		if version != 1 {
			t.Errorf("version %d, want 1", version)
		}
	})
	current, err := policies.Current(t.Context())
	w.must(err)
	if current.Version != 1 || current.Value.LockoutFailures != 20 || current.ChangedBy != operator.ID || current.Reason != "fewer calls" {
		t.Errorf("in force: %+v", current)
	}
	r := w.lastAudit()
	if r.Action != "policy.change" || r.Reason != "fewer calls" || r.Detail["changes"] != "lockout_failures: 10 → 20; password_context_words: <nil> → [acme]" {
		t.Errorf("audited %s with %v", r.Action, r.Detail)
	}
	if !slices.ContainsFunc(rows, func(row outbox.Row) bool { return row.Type == "authn.policy.changed.v1" }) {
		t.Error("no event tells of it")
	}
}

// A policy that was stored under names which fields had before is in force as it was, and the next change tells of nothing but itself.
func TestAPolicyStoredUnderFormerNamesStaysInForce(t *testing.T) {
	w := newWorld(t)
	w.must(w.store.Update(t.Context(), func(tx store.Tx) error {
		return tx.Policies.Append(policy.Record{
			Version: 1, Value: []byte(`{"rate_account_starts":7,"rate_account_answers":9}`), ChangedAt: w.clock.Now(), ChangedBy: operator.ID,
		})
	}))
	policies := newPolicies(w)
	current, err := policies.Current(t.Context())
	w.must(err)
	wanted := current.Value
	if wanted.RateIdentifierStarts != 7 || wanted.RateIdentifierAnswers != 9 {
		t.Errorf("in force: %d starts and %d answers; want 7 and 9", wanted.RateIdentifierStarts, wanted.RateIdentifierAnswers)
	}
	wanted.LockoutFailures = 20
	_, err = policies.Update(t.Context(), operator, flow.PolicyChange{Policy: wanted, Expected: 1})
	w.must(err)
	if changes := w.lastAudit().Detail["changes"]; changes != "lockout_failures: 10 → 20" {
		t.Errorf("audited: %s", changes)
	}
	current, err = policies.Current(t.Context())
	w.must(err)
	if current.Version != 2 || current.Value.RateIdentifierStarts != 7 || current.Value.RateIdentifierAnswers != 9 {
		t.Errorf("after the change: version %d, %d starts and %d answers", current.Version, current.Value.RateIdentifierStarts, current.Value.RateIdentifierAnswers)
	}
}

// TestALongChangeHidesNoOther: the record names every field that was changed, whatever the others hold.
func TestALongChangeHidesNoOther(t *testing.T) {
	w := newWorld(t)
	wanted := tuning.Default()
	for i := range 100 {
		wanted.PasswordContextWords = append(wanted.PasswordContextWords, fmt.Sprintf("%02d%s", i, strings.Repeat("ä", 62)))
	}
	for i := range 100 {
		wanted.RestrictionProviders = append(wanted.RestrictionProviders, fmt.Sprintf("%s%d.example:+", strings.Repeat("a", 50), i))
	}
	wanted.LockoutFailures, wanted.PasswordMinLength, wanted.PasswordMinScore, wanted.RateNetworkStarts = 90, 8, 0, 100000
	wanted.RestrictionSubaddresses = restriction.RefuseThem
	_, err := newPolicies(w).Update(t.Context(), operator, flow.PolicyChange{Policy: wanted})
	w.must(err)
	all := strings.Join(slices.Collect(maps.Values(w.lastAudit().Detail)), "; ")
	for _, want := range []string{
		"lockout_failures: 10 → 90", "password_min_length: 15 → 8", "password_min_score: 3 → 0", "rate_network_starts", "restriction_subaddresses",
		"password_context_words", "restriction_providers",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("the record doesn't say %q", want)
		}
	}
}

func TestAPolicyChangeIsRefusedWholeAndChangesNothing(t *testing.T) {
	bad := tuning.Default()
	bad.LockoutFailures, bad.CodesPerHour, bad.SessionLifetime = 1, 0, 0
	beyond := tuning.Default()
	beyond.CodesPerHour, beyond.BreachMode = 0, breach.CorpusOnly
	for name, c := range map[string]struct {
		change flow.PolicyChange
		kind   fault.Kind
		reason typev1.Reason
		fields []fault.Field
	}{
		"values out of their range": {
			flow.PolicyChange{Policy: bad}, fault.Invalid, typev1.Reason_REASON_INVALID_FIELD,
			[]fault.Field{{Name: "policy.session_lifetime", Problem: "must be from 5m to 30d"}, {Name: "policy.codes_per_hour", Problem: "must be from 3 to 60"}, {Name: "policy.lockout_failures", Problem: "must be from 5 to 90"}},
		},
		"values that can't be done with what there is": {
			flow.PolicyChange{Policy: beyond}, fault.Invalid, typev1.Reason_REASON_INVALID_FIELD,
			[]fault.Field{{Name: "policy.codes_per_hour", Problem: "must be from 3 to 60"}, {Name: "policy.breach_mode", Problem: "needs a corpus"}},
		},
		"made from another version": {
			flow.PolicyChange{Policy: tuning.Default(), Expected: 7}, fault.Aborted, typev1.Reason_REASON_VERSION_CONFLICT, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			policies := newPolicies(w)
			audits := len(w.audits())
			for _, call := range []func() error{
				func() error { return policies.Check(t.Context(), c.change) },
				func() error { _, err := policies.Update(t.Context(), operator, c.change); return err },
			} {
				err := call()
				expectFault(t, err, c.kind, c.reason)
				var refused *fault.Error
				if !errors.As(err, &refused) || !slices.Equal(refused.Fields, c.fields) {
					t.Errorf("the refusal names %+v, want %+v", refused, c.fields)
				}
			}
			current, err := policies.Current(t.Context())
			w.must(err)
			if current.Version != 0 || len(w.audits()) != audits {
				t.Errorf("version %d, %d audit records more", current.Version, len(w.audits())-audits)
			}
		})
	}
	w := newWorld(t)
	w.must(newPolicies(w).Check(t.Context(), flow.PolicyChange{Policy: tuning.Default()}))
}
