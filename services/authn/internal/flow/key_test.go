package flow_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/token"
)

const period = 90 * 24 * time.Hour

func newKeys(t *testing.T, s store.Store, sealing secret.Key, c *clock) *flow.Keys {
	t.Helper()
	k, err := flow.NewKeys(t.Context(), s, sealing, issuer, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func tend(t *testing.T, keys ...*flow.Keys) {
	t.Helper()
	for _, k := range keys {
		if err := k.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func keyIDs(k *flow.Keys) []string {
	var ids []string
	for _, key := range k.Keyring().Published() {
		ids = append(ids, key.ID)
	}
	return ids
}

// signed is a token that the keyring signs at this moment.
func signed(t *testing.T, k *flow.Keys, c *clock) secret.Text {
	t.Helper()
	text, err := k.Keyring().Sign(token.Claims{
		Subject: "usr_1", Audience: audience, Session: "ses_1", IssuedAt: c.Now(), ExpiresAt: c.Now().Add(time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAnEmptyStoreGetsItsFirstKeyAtOnce(t *testing.T) {
	c, s, sealing := &clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}, openStore(t), secret.NewKey()
	keys := newKeys(t, s, sealing, c)
	if got := keyIDs(keys); len(got) != 1 {
		t.Fatalf("%d keys; want 1", len(got))
	}
	text := signed(t, keys, c)
	if diff := cmp.Diff(keyIDs(keys), keyIDs(newKeys(t, s, sealing, c))); diff != "" {
		t.Errorf("a restart made other keys:\n%s", diff)
	}
	if _, err := newKeys(t, s, sealing, c).Keyring().Read(text, c.Now()); err != nil {
		t.Error(err)
	}
	if _, err := flow.NewKeys(t.Context(), s, secret.NewKey(), issuer, c.Now); err == nil {
		t.Error("the keys open under another key file")
	}
}

func TestKeysRotateWithAnOverlap(t *testing.T) {
	c, s := &clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}, openStore(t)
	keys := newKeys(t, s, secret.NewKey(), c)
	first := keyIDs(keys)

	c.advance(period - time.Hour - time.Minute)
	tend(t, keys)
	if diff := cmp.Diff(first, keyIDs(keys)); diff != "" {
		t.Fatalf("a key was made too early:\n%s", diff)
	}
	// An hour before it signs, the next one is published.
	c.advance(time.Minute)
	tend(t, keys, keys)
	both := keyIDs(keys)
	if len(both) != 2 || both[0] != first[0] {
		t.Fatalf("published %v; want the first and one more", both)
	}
	c.advance(time.Hour - time.Second)
	tend(t, keys)
	old := signed(t, keys, c)
	c.advance(time.Second)
	young := signed(t, keys, c)
	if kid(t, old) != both[0] || kid(t, young) != both[1] {
		t.Errorf("signed by %s before and %s after; keys %v", kid(t, old), kid(t, young), both)
	}
	// The superseded key stays until its last token is dead.
	c.advance(30 * time.Second)
	tend(t, keys)
	if _, err := keys.Keyring().Read(old, c.Now()); err != nil {
		t.Errorf("a token of the key before: %v", err)
	}
	c.advance(time.Hour)
	tend(t, keys)
	if diff := cmp.Diff(both[1:], keyIDs(keys)); diff != "" {
		t.Errorf("keys an hour later (-want +got):\n%s", diff)
	}
}

// kid is the key that a token says it was signed with, read without checking anything.
func kid(t *testing.T, text secret.Text) string {
	t.Helper()
	first, _, _ := strings.Cut(text.Reveal(), ".")
	raw, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		t.Fatal(err)
	}
	var header map[string]string
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Fatal(err)
	}
	return header["kid"]
}

func TestTwoReplicasShareTheirKeys(t *testing.T) {
	c, s, sealing := &clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}, openStore(t), secret.NewKey()
	replicas := make([]*flow.Keys, 4)
	each := func(do func(i int) error) {
		t.Helper()
		var running sync.WaitGroup
		for i := range replicas {
			running.Go(func() {
				if err := do(i); err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
	}
	each(func(i int) (err error) {
		replicas[i], err = flow.NewKeys(t.Context(), s, sealing, issuer, c.Now)
		return err
	})
	c.advance(period - time.Hour)
	each(func(i int) error { return replicas[i].Tend(t.Context()) })
	want := keyIDs(replicas[0])
	if len(want) != 2 {
		t.Errorf("%d keys; want the first and the next", len(want))
	}
	for _, r := range replicas {
		if diff := cmp.Diff(want, keyIDs(r)); diff != "" {
			t.Errorf("two replicas publish different keys:\n%s", diff)
		}
		if _, err := replicas[0].Keyring().Read(signed(t, r, c), c.Now()); err != nil {
			t.Error(err)
		}
	}
}

func TestATokenOfAForgottenKeyIsRefused(t *testing.T) {
	w := newWorld(t)
	grant := w.laptop().enrol(ada, right)
	w.update(func(tx store.Tx) error {
		held, err := tx.SigningKeys.List()
		if err != nil {
			return err
		}
		return tx.SigningKeys.Delete(held[0].ID)
	})
	w.deps.Keyring = newKeys(t, w.store, w.sealing, w.clock).Keyring
	_, err := flow.NewSessions(w.deps).Verify(t.Context(), w.app, grant.SessionToken)
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_INVALID)
}
