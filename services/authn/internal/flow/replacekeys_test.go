package flow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/token"
)

// places are the listed keys' states by id.
func places(t *testing.T, keys *flow.Keys) map[string]token.State {
	t.Helper()
	all, err := keys.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]token.State{}
	for _, k := range all {
		states[k.ID] = k.State
	}
	return states
}

func TestARotationBeginsAtAnOperatorsWord(t *testing.T) {
	w := newWorld(t)
	first := keyIDs(w.keys)[0]
	next, err := w.keys.Rotate(t.Context(), operator, "a yearly drill")
	w.must(err)
	if r := w.lastAudit(); r.Action != "signing_key.rotate" || r.Target.ID != next.ID || r.Reason != "a yearly drill" {
		t.Errorf("audited %s of %s: %q", r.Action, r.Target.ID, r.Reason)
	}
	if diff := cmp.Diff([]string{first, next.ID}, keyIDs(w.keys)); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	if !next.SignsFrom.Equal(w.clock.Now().Add(time.Hour)) || next.State != token.Next {
		t.Errorf("the next key is %s, and signs from %v on", next.State, next.SignsFrom)
	}
	w.clock.advance(time.Minute)
	again, err := w.keys.Rotate(t.Context(), operator, "")
	w.must(err)
	if diff := cmp.Diff(next, again); diff != "" {
		t.Errorf("another key is on its way (-first +second):\n%s", diff)
	}
	old := signed(t, w.keys, w.clock)
	w.clock.advance(time.Hour)
	tend(t, w.keys)
	if diff := cmp.Diff(map[string]token.State{first: token.Retired, next.ID: token.Current}, places(t, w.keys)); diff != "" {
		t.Errorf("an hour later (-want +got):\n%s", diff)
	}
	if kid(t, old) != first || kid(t, signed(t, w.keys, w.clock)) != next.ID {
		t.Error("another key signs")
	}
}

func TestReplacedKeysAreRefusedAndTheSessionGoesOn(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	w.clock.advance(time.Second)
	coming, err := w.keys.Rotate(t.Context(), operator, "")
	w.must(err)
	old := keyIDs(w.keys)
	w.clock.advance(time.Second)
	var replaced flow.Replaced
	rows := w.rowsDuring(func() {
		replaced, err = w.keys.Replace(t.Context(), operator, "a laptop with a backup was stolen")
		w.must(err)
	})
	if diff := cmp.Diff(old, replaced.Revoked); diff != "" || !slices.Contains(old, coming.ID) {
		t.Errorf("revoked (-want +got):\n%s", diff)
	}
	expectTypes(t, rows, "revocation.signing_key.v1", "revocation.signing_key.v1")
	for i, row := range rows {
		_, told := decoded(t, rows[i:i+1], row.Type, new(eventv1.SigningKeyRevocation))
		if row.Subject != "doorward.revocation.signing_key."+old[i] || told.GetKeyId() != old[i] || !told.GetRevokedAt().AsTime().Equal(w.clock.Now()) {
			t.Errorf("row %d is on %s about %s", i, row.Subject, told.GetKeyId())
		}
		w.must(bus.ValidRow(row))
	}
	if r := w.lastAudit(); r.Action != "signing_key.replace" || r.Target.ID != replaced.Current.ID || r.Detail["revoked"] != strings.Join(old, " ") {
		t.Errorf("audited %s of %s: %v", r.Action, r.Target.ID, r.Detail)
	}
	if diff := cmp.Diff(map[string]token.State{replaced.Current.ID: token.Current}, places(t, w.keys)); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{replaced.Current.ID}, keyIDs(w.keys)); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	// Who held a token by right is told to refresh it, and can.
	_, err = w.sessions.Verify(t.Context(), w.app, grant.SessionToken)
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_EXPIRED)
	next, err := laptop.refresh(grant.RefreshToken)
	w.must(err)
	if kid(t, next.SessionToken) != replaced.Current.ID {
		t.Error("another key signs")
	}
	_, err = w.sessions.Verify(t.Context(), w.app, next.SessionToken)
	w.must(err)
}

// A revoked key's private half is gone from the store, and its id too once no token can be alive.
func TestARevokedKeyIsWipedAndForgotten(t *testing.T) {
	w := newWorld(t)
	kept := func() (all []token.SigningKey) {
		w.view(func(tx store.Tx) (err error) {
			all, err = tx.SigningKeys.List()
			return err
		})
		return all
	}
	w.clock.advance(time.Second)
	_, err := w.keys.Replace(t.Context(), operator, "drill")
	w.must(err)
	all := kept()
	if len(all) != 2 || len(all[0].Sealed) != 0 || !all[0].Revoked() || len(all[1].Sealed) == 0 {
		t.Fatalf("%d keys are kept, the first with %d bytes of its private half", len(all), len(all[0].Sealed))
	}
	restarted := newKeys(t, w.store, w.sealing, w.clock)
	if diff := cmp.Diff([]string{all[1].ID}, keyIDs(restarted)); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	w.clock.advance(time.Hour)
	tend(t, w.keys)
	if all := kept(); len(all) != 1 || all[0].Revoked() {
		t.Errorf("an hour later %d keys are kept", len(all))
	}
}

func TestKeysThatCantBeReplacedStayInForce(t *testing.T) {
	w := newWorld(t)
	old := signed(t, w.keys, w.clock)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.keys.Replace(ctx, operator, "too late"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := w.keys.Keyring().Read(old, w.clock.Now()); err != nil {
		t.Errorf("a token of the key that is in force: %v", err)
	}
}

// gatedStore lets something happen while a change is on its way to the disk.
type gatedStore struct {
	store.Store
	committed func()
}

func (s gatedStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	err := s.Store.Update(ctx, fn)
	s.committed()
	return err
}

// A verifier hears of the revocation as soon as it is on disk, and asks for the keys then. It must get the new ones.
func TestNobodySeesTheOldKeysOnceTheRevocationIsOnDisk(t *testing.T) {
	w := newWorld(t)
	asked, answers := make(chan struct{}), make(chan []string, 1)
	var keys *flow.Keys
	keys, err := flow.NewKeys(t.Context(), gatedStore{w.store, func() {
		go func() {
			close(asked)
			answers <- keyIDs(keys)
		}()
		<-asked
		// Whoever could be answered now would be.
		moment := time.NewTimer(50 * time.Millisecond)
		defer moment.Stop()
		select {
		case early := <-answers:
			answers <- early
		case <-moment.C:
		}
	}}, w.sealing, issuer, w.clock.Now)
	w.must(err)
	replaced, err := keys.Replace(t.Context(), operator, "drill")
	w.must(err)
	if diff := cmp.Diff([]string{replaced.Current.ID}, <-answers); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

// Whoever asks after the replacement was answered gets a token of the new key, and what was signed meanwhile is refused unless the new key
// signed it. No tending that was under way brings an old key back.
func TestNoTokenOfAnOldKeyIsIssuedAfterTheReplacement(t *testing.T) {
	w := newWorld(t)
	const signers, tokens = 4, 8
	for range 10 {
		var running sync.WaitGroup
		issued := make(chan secret.Text, signers*tokens)
		for range signers {
			running.Go(func() {
				for range tokens {
					issued <- signed(t, w.keys, w.clock)
				}
			})
			running.Go(func() {
				if err := w.keys.Tend(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		replaced, err := w.keys.Replace(t.Context(), operator, "drill")
		w.must(err)
		if got := kid(t, signed(t, w.keys, w.clock)); got != replaced.Current.ID {
			t.Errorf("%s signs, want %s", got, replaced.Current.ID)
		}
		running.Wait()
		if diff := cmp.Diff([]string{replaced.Current.ID}, keyIDs(w.keys)); diff != "" {
			t.Errorf("published (-want +got):\n%s", diff)
		}
		for range signers * tokens {
			text := <-issued
			if kid(t, text) == replaced.Current.ID {
				continue
			}
			if _, err := w.keys.Keyring().Read(text, w.clock.Now()); !errors.Is(err, token.ErrExpired) {
				t.Errorf("a token of a key before: %v", err)
			}
		}
	}
}

// Sessions that are refreshed while the keys are replaced go on without an error, also where the call read its clock before the new key was made;
// and what they get after the answer is good.
func TestSessionsAreRefreshedWhileTheKeysAreReplaced(t *testing.T) {
	w := newWorld(t)
	const owners, refreshes = 4, 6
	type owner struct {
		browser *browser
		refresh secret.Text
	}
	var all []*owner
	for i := range owners {
		b := w.laptop()
		all = append(all, &owner{b, b.enrol(fmt.Sprintf("owner%d@example.org", i), right).RefreshToken})
	}
	var running sync.WaitGroup
	for _, o := range all {
		running.Go(func() {
			for range refreshes {
				tokens, err := o.browser.refresh(o.refresh)
				if err != nil {
					t.Errorf("refresh: %v", err)
					return
				}
				o.refresh = tokens.RefreshToken
			}
		})
	}
	var replaced flow.Replaced
	for range 5 {
		w.clock.advance(time.Millisecond)
		var err error
		replaced, err = w.keys.Replace(t.Context(), operator, "drill")
		w.must(err)
	}
	running.Wait()
	for _, o := range all {
		tokens, err := o.browser.refresh(o.refresh)
		w.must(err)
		if got := kid(t, tokens.SessionToken); got != replaced.Current.ID {
			t.Errorf("%s signed, want %s", got, replaced.Current.ID)
		}
		_, err = w.sessions.Verify(t.Context(), w.app, tokens.SessionToken)
		w.must(err)
	}
}
