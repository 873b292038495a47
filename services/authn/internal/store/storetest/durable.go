package storetest

import (
	"errors"
	"testing"

	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// RunDurable checks that what Update acknowledged is there when the store is opened again, and nothing else. Reopen ends the first store
// in the way under test (closing it, or taking its files from under it) and returns what the next process would open.
func RunDurable(t *testing.T, open func(t *testing.T) (s store.Store, reopen Open)) {
	t.Run("AcknowledgedIsThereWithItsIndexes", func(t *testing.T) {
		s, reopen := open(t)
		update(t, s, everything)
		puts(t, s, putSession, active(2, 1))
		again := reopen(t)
		wantSamples(t, again, Samples())
		wantFound(t, again, "a user by address", userByEmail(address(1)), user(1))
		wantList(t, again, "a user's active sessions", activeOf(1), active(2, 1))
		wantFound(t, again, "a key by its secret", keyBySecret(apiKey(1).Secret), apiKey(1))
		view(t, again, func(tx store.Tx) error {
			p, found, err := tx.Policies.Current()
			if !found || p.Version != 1 {
				t.Errorf("policy: found = %t, version %d", found, p.Version)
			}
			return err
		})
		if err := tryUpdate(t.Context(), again, func(tx store.Tx) error { return tx.Outbox.Append(row(1)) }); err == nil {
			t.Error("the outbox has forgotten its row")
		}
		if err := tryUpdate(t.Context(), again, func(tx store.Tx) error { return tx.Audit.Append(auditRecord(1)) }); err == nil {
			t.Error("the audit log has forgotten its record")
		}
	})
	t.Run("UndoneStaysUndone", func(t *testing.T) {
		s, reopen := open(t)
		puts(t, s, putDevice, dev(1, 1))
		err := tryUpdate(t.Context(), s, func(tx store.Tx) error { return errors.Join(everything(tx), errOfClosure) })
		if !errors.Is(err, errOfClosure) {
			t.Fatalf("Update = %v", err)
		}
		again := reopen(t)
		wantFound(t, again, "what was there before", deviceByID(dev(1, 1).ID), dev(1, 1))
		wantAbsent(t, again, "a user", userByID(user(1).ID))
		wantAbsent(t, again, "the policy", func(tx store.Tx) (policy.Record, bool, error) { return tx.Policies.Current() })
	})
	t.Run("ASpentCodeStaysSpent", func(t *testing.T) {
		s, reopen := open(t)
		code := att(1, 1).Codes[0].MAC
		answer := func(s store.Store) (outcome string) {
			update(t, s, func(tx store.Tx) error {
				a, _, err := tx.Attempts.Get(ident("att", 1))
				if err != nil {
					return err
				}
				outcome = string(a.AnswerCode(code, at(2)))
				return tx.Attempts.Put(a)
			})
			return outcome
		}
		puts(t, s, putAttempt, att(1, 1))
		if got := answer(s); got != "accepted" {
			t.Fatalf("the first answer is %s", got)
		}
		if got := answer(reopen(t)); got != "wrong" {
			t.Errorf("the same code after a crash is %s", got)
		}
	})
}
