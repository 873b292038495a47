package flow_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/application"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store"
)

func TestAnApplicationsNameIsItsOwn(t *testing.T) {
	w := newWorld(t)
	audits := len(w.audits())
	_, err := w.operators.CreateApplication(t.Context(), operator, "shop", "https://other.example.org")
	expectFault(t, err, fault.AlreadyExists, typev1.Reason_REASON_ALREADY_EXISTS)
	if len(w.audits()) != audits {
		t.Error("a change that wasn't made is audited")
	}
	made, err := w.operators.CreateApplication(t.Context(), operator, "wiki", audience)
	w.must(err)
	if r := w.lastAudit(); r.Action != "application.create" || r.Target.ID != made.ID || r.Actor != operator.Actor {
		t.Errorf("audited %s of %s by %s", r.Action, r.Target.ID, r.Actor.ID)
	}
}

func TestAKeySaysWhoseItIsUntilItIsRevoked(t *testing.T) {
	w := newWorld(t)
	callers := flow.NewCallers(w.store, w.clock.Now)
	made, text, err := w.operators.CreateKey(t.Context(), operator, w.app, []application.Scope{application.SpeakForUsers})
	w.must(err)
	if r := w.lastAudit(); r.Action != "api_key.create" || r.Target.ID != made.ID || r.Detail["application_id"] != w.app {
		t.Errorf("audited %s of %s: %v", r.Action, r.Target.ID, r.Detail)
	}
	key, err := callers.Identify(t.Context(), text)
	w.must(err)
	if key.ID != made.ID || key.ApplicationID != w.app || !key.Allows(application.SpeakForUsers) || key.Allows(application.Operator) {
		t.Errorf("the key %s of %s with %v", key.ID, key.ApplicationID, key.Scopes)
	}

	_, err = w.operators.RevokeKey(t.Context(), operator, made.ID, "")
	w.must(err)
	w.clock.advance(time.Second)
	_, err = callers.Identify(t.Context(), text)
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_API_KEY_INVALID)
	_, err = flow.NewCallers(w.store, w.clock.Now).Identify(t.Context(), text)
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_API_KEY_INVALID)
}

func TestAGoodKeyIsLookedUpOnceASecond(t *testing.T) {
	w := newWorld(t)
	counted := &countingStore{Store: w.store}
	callers := flow.NewCallers(counted, w.clock.Now)
	_, text, err := w.operators.CreateKey(t.Context(), operator, w.app, nil)
	w.must(err)
	for range 3 {
		for range 10 {
			_, err := callers.Identify(t.Context(), text)
			w.must(err)
		}
		w.clock.advance(time.Second)
	}
	if counted.views != 3 {
		t.Errorf("%d look-ups in three seconds; want 3", counted.views)
	}
	for range 3 {
		_, err := callers.Identify(t.Context(), secret.New("dwk"))
		expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_API_KEY_INVALID)
	}
	if counted.views != 6 {
		t.Errorf("a wrong key is remembered")
	}
	_, err = callers.Identify(t.Context(), secret.Text{})
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_API_KEY_MISSING)
}

// TestTheAgeOfAnAnswerCountsFromBeforeTheLookUp: a slow store doesn't lengthen a revoked key's life.
func TestTheAgeOfAnAnswerCountsFromBeforeTheLookUp(t *testing.T) {
	w := newWorld(t)
	made, text, err := w.operators.CreateKey(t.Context(), operator, w.app, nil)
	w.must(err)
	slow := &countingStore{Store: w.store, after: func() {
		_, err := w.operators.RevokeKey(t.Context(), operator, made.ID, "")
		w.must(err)
		w.clock.advance(time.Second)
	}}
	callers := flow.NewCallers(slow, w.clock.Now)
	_, err = callers.Identify(t.Context(), text)
	w.must(err)
	_, err = callers.Identify(t.Context(), text)
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_API_KEY_INVALID)
}

// countingStore counts look-ups, and can let something happen after each.
type countingStore struct {
	store.Store
	views int
	after func()
}

func (s *countingStore) View(ctx context.Context, fn func(store.Tx) error) error {
	s.views++
	err := s.Store.View(ctx, fn)
	if s.after != nil {
		s.after()
	}
	return err
}

func TestAKeyIsRevokedOnce(t *testing.T) {
	w := newWorld(t)
	made, _, err := w.operators.CreateKey(t.Context(), operator, w.app, nil)
	w.must(err)
	first, err := w.operators.RevokeKey(t.Context(), operator, made.ID, "its host was lost")
	w.must(err)
	if r := w.lastAudit(); r.Action != "api_key.revoke" || r.Reason != "its host was lost" {
		t.Errorf("audited as %s because of %q", r.Action, r.Reason)
	}
	audits := len(w.audits())
	w.clock.advance(time.Hour)
	again, err := w.operators.RevokeKey(t.Context(), operator, made.ID, "")
	w.must(err)
	if diff := cmp.Diff(first, again); diff != "" || len(w.audits()) != audits {
		t.Errorf("the second time changed something: %s", diff)
	}
	_, err = w.operators.RevokeKey(t.Context(), operator, "key_unknown", "")
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
	_, _, err = w.operators.CreateKey(t.Context(), operator, "app_unknown", nil)
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
}

func TestARotatedKeyAndItsSuccessorBothWorkForTheOverlap(t *testing.T) {
	w := newWorld(t)
	callers := flow.NewCallers(w.store, w.clock.Now)
	old, oldText, err := w.operators.CreateKey(t.Context(), operator, w.app, []application.Scope{application.SpeakForUsers})
	w.must(err)
	rotated, err := w.operators.RotateKey(t.Context(), operator, old.ID, time.Hour)
	w.must(err)
	if r := w.lastAudit(); r.Action != "api_key.rotate" || r.Target.ID != old.ID || r.Detail["successor_id"] != rotated.Successor.ID {
		t.Errorf("audited %s of %s: %v", r.Action, r.Target.ID, r.Detail)
	}
	good := func(text secret.Text) application.Key {
		t.Helper()
		key, err := callers.Identify(t.Context(), text)
		w.must(err)
		return key
	}
	if k := good(rotated.Text); k.ID != rotated.Successor.ID || k.ApplicationID != w.app || !cmp.Equal(k.Scopes, old.Scopes) || !k.ExpiresAt.IsZero() {
		t.Errorf("the successor %s of %s with %v until %v", k.ID, k.ApplicationID, k.Scopes, k.ExpiresAt)
	}
	if k := good(oldText); k.SuccessorID != rotated.Successor.ID || !rotated.OldEnd.Equal(w.clock.Now().Add(time.Hour)) {
		t.Errorf("the old key's successor is %s, its end %v", k.SuccessorID, rotated.OldEnd)
	}
	w.clock.advance(time.Hour - time.Nanosecond)
	good(oldText) // and is remembered
	w.clock.advance(time.Nanosecond)
	_, err = callers.Identify(t.Context(), oldText)
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_API_KEY_INVALID)
	good(rotated.Text)
}

func TestAKeyThatHasEndedIsntRotated(t *testing.T) {
	w := newWorld(t)
	newKey := func() string {
		made, _, err := w.operators.CreateKey(t.Context(), operator, w.app, nil)
		w.must(err)
		return made.ID
	}
	revoked, leaving, expired := newKey(), newKey(), newKey()
	_, err := w.operators.RevokeKey(t.Context(), operator, revoked, "")
	w.must(err)
	_, err = w.operators.RotateKey(t.Context(), operator, leaving, time.Hour)
	w.must(err)
	_, err = w.operators.RotateKey(t.Context(), operator, expired, 0)
	w.must(err)
	audits := len(w.audits())
	for name, keyID := range map[string]string{"revoked": revoked, "on its way out": leaving, "expired": expired} {
		t.Run(name, func(t *testing.T) {
			rotated, err := w.operators.RotateKey(t.Context(), operator, keyID, time.Minute)
			expectFault(t, err, fault.Precondition, typev1.Reason_REASON_API_KEY_ENDED)
			if !rotated.Text.IsZero() {
				t.Error("a key came with the refusal")
			}
		})
	}
	_, err = w.operators.RotateKey(t.Context(), operator, "key_unknown", time.Minute)
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
	if len(w.audits()) != audits {
		t.Error("a change that wasn't made is audited")
	}
}

func TestAKeyRotatedTwiceAtOnceHasOneSuccessor(t *testing.T) {
	w := newWorld(t)
	old, _, err := w.operators.CreateKey(t.Context(), operator, w.app, nil)
	w.must(err)
	var running sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		running.Go(func() { _, errs[i] = w.operators.RotateKey(t.Context(), operator, old.ID, time.Hour) })
	}
	running.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
			continue
		}
		expectFault(t, err, fault.Precondition, typev1.Reason_REASON_API_KEY_ENDED)
	}
	page, _, err := w.operators.ListApplications(t.Context(), "", 10)
	w.must(err)
	var keys []application.Key
	for _, a := range page {
		keys = append(keys, a.Keys...)
	}
	if done != 1 || len(keys) != 2 {
		t.Errorf("rotated %d times; %d keys, want the old one and its successor", done, len(keys))
	}
}

func TestApplicationsAreListedByNameWithTheirKeys(t *testing.T) {
	w := newWorld(t) // has shop and forum
	wiki := w.application("wiki", audience)
	want := map[string][]string{w.app: nil, w.otherApp: nil, wiki: nil}
	for range 3 {
		for _, app := range []string{w.app, wiki} {
			w.clock.advance(time.Second)
			made, _, err := w.operators.CreateKey(t.Context(), operator, app, nil)
			w.must(err)
			want[app] = append(want[app], made.ID)
		}
	}
	_, err := w.operators.RevokeKey(t.Context(), operator, want[wiki][1], "")
	w.must(err)
	for limit, pages := range map[int]int{1: 3, 2: 2, 3: 1, 10: 1} {
		var names []string
		got := map[string][]string{}
		count := 0
		for after := ""; count == 0 || after != ""; count++ {
			page, next, err := w.operators.ListApplications(t.Context(), after, limit)
			w.must(err)
			for _, a := range page {
				names, got[a.ID] = append(names, a.Name), nil
				for _, k := range a.Keys {
					got[a.ID] = append(got[a.ID], k.ID)
				}
			}
			after = next
		}
		if diff := cmp.Diff(want, got); diff != "" || !cmp.Equal(names, []string{"forum", "shop", "wiki"}) || count != pages {
			t.Errorf("%d at a time: %v, %d pages (-want +got):\n%s", limit, names, count, diff)
		}
	}
}

func TestADeploymentIsBootstrappedOnce(t *testing.T) {
	w := newWorld(t)
	type made struct {
		flow.Bootstrapped
		err error
	}
	var running sync.WaitGroup
	results := make([]made, 4)
	for i := range results {
		running.Go(func() { results[i].Bootstrapped, results[i].err = w.operators.Bootstrap(t.Context(), audience) })
	}
	running.Wait()
	callers := flow.NewCallers(w.store, w.clock.Now)
	done := 0
	for _, r := range results {
		if r.err != nil {
			if !errors.Is(r.err, flow.ErrBootstrapped) || !r.ApplicationKey.IsZero() {
				t.Errorf("error %v", r.err)
			}
			continue
		}
		done++
		app, err := callers.Identify(t.Context(), r.ApplicationKey)
		w.must(err)
		ops, err := callers.Identify(t.Context(), r.OperatorKey)
		w.must(err)
		if app.ApplicationID != r.ApplicationID || !cmp.Equal(app.Scopes, []application.Scope{application.SpeakForUsers}) ||
			ops.ApplicationID == r.ApplicationID || !cmp.Equal(ops.Scopes, []application.Scope{application.Operator}) {
			t.Errorf("keys with %v and %v", app.Scopes, ops.Scopes)
		}
	}
	if done != 1 {
		t.Errorf("bootstrapped %d times", done)
	}
}

func TestAStoreThatFailsIsntTakenForABootstrappedOne(t *testing.T) {
	s := openStore(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := flow.NewOperators(s, time.Now).Bootstrap(t.Context(), audience)
	if err == nil || errors.Is(err, flow.ErrBootstrapped) {
		t.Errorf("error %v", err)
	}
}
