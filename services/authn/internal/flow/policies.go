package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// Policies lets operators tune.
type Policies struct {
	store    store.Store
	policies *policy.Store[tuning.Policy]
	lists    *Lists
	possible func(tuning.Policy) error
}

// NewPolicies puts the use cases together. possible says what of a policy can't be done with what authn was given, as tuning.Policy.Validate says what
// mustn't be done at all.
func NewPolicies(s store.Store, policies *policy.Store[tuning.Policy], lists *Lists, possible func(tuning.Policy) error) *Policies {
	return &Policies{store: s, policies: policies, lists: lists, possible: possible}
}

// Warnings are what an operator should know of a policy: what its settings do together, and what they mean over the lists of who may sign up. While those
// are being read nothing is known of them.
func (f *Policies) Warnings(p tuning.Policy) []restriction.Warning {
	var all []restriction.Warning
	for _, w := range p.Warnings() {
		all = append(all, restriction.Warning{Kind: restriction.WarningKind(w.Kind), Text: w.Text})
	}
	if now := f.lists.current.Load(); now != nil {
		all = append(all, now.index.Warnings(p.Restrictions())...)
	}
	return all
}

// Current is the policy in force, read anew: an operator who has just changed it sees the change.
func (f *Policies) Current(ctx context.Context) (policy.Snapshot[tuning.Policy], error) {
	if err := f.policies.Refresh(ctx); err != nil {
		return policy.Snapshot[tuning.Policy]{}, fmt.Errorf("read policy: %w", err)
	}
	return f.policies.Snapshot(ctx), nil
}

// PolicyChange is a policy that an operator wants in force.
type PolicyChange struct {
	Policy tuning.Policy
	// Expected is the version that it was made from.
	Expected uint64
	Note     string
}

// Check says what is wrong with a change, and changes nothing.
func (f *Policies) Check(ctx context.Context, c PolicyChange) error {
	if err := errors.Join(c.Policy.Validate(), f.possible(c.Policy)); err != nil {
		return unfit(err)
	}
	current, err := f.Current(ctx)
	if err == nil && current.Version != c.Expected {
		err = errPolicyChanged
	}
	return err
}

// Update puts a policy in force, and returns its version.
func (f *Policies) Update(ctx context.Context, by Actor, c PolicyChange) (version uint64, err error) {
	if err := errors.Join(c.Policy.Validate(), f.possible(c.Policy)); err != nil {
		return 0, unfit(err)
	}
	err = f.store.Update(ctx, func(tx store.Tx) error {
		before, _, err := tx.Policies.Current()
		if err != nil {
			return err
		}
		record, err := f.policies.Update(tx.Policies, policy.Change[tuning.Policy]{
			Expected: c.Expected, Value: c.Policy, By: by.ID, Reason: c.Note,
		})
		if err != nil {
			return err
		}
		version = record.Version
		return tellPolicy(tx, by, before, record)
	})
	switch {
	case errors.Is(err, policy.ErrInvalid):
		return 0, unfit(err)
	case errors.Is(err, policy.ErrConflict):
		return 0, errPolicyChanged
	case err != nil:
		return 0, fmt.Errorf("update policy: %w", err)
	}
	// It is stored, and an error would have the operator make the change again. Where this read fails the policy is in force within a second all the
	// same, and while the store can't be read the cache says so in the log.
	_ = f.policies.Refresh(ctx)
	return version, nil
}

// tellPolicy writes the audit record of a change and its event.
func tellPolicy(tx store.Tx, by Actor, before, r policy.Record) error {
	changes, err := changesOf(before, r)
	if err != nil {
		return err
	}
	record := by.record(r.ChangedAt, "policy.change", "policy", "authn", r.Reason)
	record.Detail = audit.Details("version", r.Version)
	spread(record.Detail, changes)
	if err := tx.Audit.Append(record); err != nil {
		return err
	}
	_, err = appendEvent(tx, nil, subjectPolicyChanged, typePolicyChanged, r.ChangedAt, &eventv1.PolicyChanged{
		Version: r.Version, ChangedBy: r.ChangedBy, ChangedAt: timestamppb.New(r.ChangedAt),
	})
	return err
}

// spread puts changes into a record's detail, in as many texts as it takes to name each: a long one mustn't push out the others.
func spread(detail map[string]string, changes []string) {
	const most = 1000 // bytes; a record takes 32 texts of 1024, and a policy hasn't half the fields for that
	text, name := "", "changes"
	for _, change := range changes {
		if text != "" && len(text)+len("; ")+len(change) > most {
			detail[name] = text
			text, name = "", fmt.Sprintf("changes_%d", len(detail))
		}
		if text != "" {
			text += "; "
		}
		text += change
	}
	detail[name] = text
}

// shown is a value in a change, shortened to what still leaves room for all others.
func shown(value any) string {
	const most = 100 // bytes
	text := fmt.Sprint(value)
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// changesOf are the fields that a change has altered, as "name: before → after", by name.
func changesOf(before, after policy.Record) ([]string, error) {
	was, errWas := fieldsOf(before)
	is, errIs := fieldsOf(after)
	if err := errors.Join(errWas, errIs); err != nil {
		return nil, fmt.Errorf("compare policies: %w", err)
	}
	var changes []string
	for _, name := range slices.Sorted(maps.Keys(is)) {
		if !reflect.DeepEqual(was[name], is[name]) {
			changes = append(changes, fmt.Sprintf("%s: %s → %s", name, shown(was[name]), shown(is[name])))
		}
	}
	return changes, nil
}

// fieldsOf are all fields of a policy by their names of today: what a record lacks has its default.
func fieldsOf(r policy.Record) (map[string]any, error) {
	p := tuning.Default()
	if r.Version > 0 {
		if err := json.Unmarshal(r.Value, &p); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{}
	return fields, json.Unmarshal(text, &fields)
}

// unfit names each value that breaks its rule.
func unfit(err error) error {
	refused := errPolicyInvalid
	for _, f := range faultsIn(err) {
		refused = refused.Field("policy."+f.Field, f.Rule)
	}
	return refused
}

// faultsIn are the faults of values in an error that joins or wraps them.
func faultsIn(err error) []*tuning.Fault {
	if f, ok := err.(*tuning.Fault); ok { //nolint:errorlint // the branches are walked one by one
		return []*tuning.Fault{f}
	}
	var found []*tuning.Fault
	switch wrapping := err.(type) { //nolint:errorlint // see above
	case interface{ Unwrap() []error }:
		for _, inner := range wrapping.Unwrap() {
			found = append(found, faultsIn(inner)...)
		}
	case interface{ Unwrap() error }:
		found = faultsIn(wrapping.Unwrap())
	}
	return found
}
