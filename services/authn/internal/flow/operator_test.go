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

	_, err = w.operators.RevokeKey(t.Context(), operator, made.ID)
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
		_, err := w.operators.RevokeKey(t.Context(), operator, made.ID)
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
	first, err := w.operators.RevokeKey(t.Context(), operator, made.ID)
	w.must(err)
	audits := len(w.audits())
	w.clock.advance(time.Hour)
	again, err := w.operators.RevokeKey(t.Context(), operator, made.ID)
	w.must(err)
	if diff := cmp.Diff(first, again); diff != "" || len(w.audits()) != audits {
		t.Errorf("the second time changed something: %s", diff)
	}
	_, err = w.operators.RevokeKey(t.Context(), operator, "key_unknown")
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
	_, _, err = w.operators.CreateKey(t.Context(), operator, "app_unknown", nil)
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
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
