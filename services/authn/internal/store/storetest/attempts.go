package storetest

import (
	"testing"

	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/store"
)

func putAttempt(tx store.Tx, a attempt.Attempt) error { return tx.Attempts.Put(a) }

func attemptByID(id string) lookup[attempt.Attempt] {
	return func(tx store.Tx) (attempt.Attempt, bool, error) { return tx.Attempts.Get(id) }
}

func attemptsOf(identifier, limit int) func(store.Tx) ([]attempt.Attempt, error) {
	return func(tx store.Tx) ([]attempt.Attempt, error) {
		return tx.Attempts.OfIdentifier(accountKey(identifier), limit)
	}
}

func expiredAttempts(minute, limit int) func(store.Tx) ([]attempt.Attempt, error) {
	return func(tx store.Tx) ([]attempt.Attempt, error) { return tx.Attempts.Expired(at(minute), limit) }
}

func attemptTests() []test {
	return []test{
		{"GivesBackWhatItWasGiven", func(t *testing.T, s store.Store) {
			empty := attempt.Attempt{ID: ident("att", 2)}
			puts(t, s, putAttempt, att(1, 1), empty)
			wantFound(t, s, "a full record", attemptByID(att(1, 1).ID), att(1, 1))
			wantFound(t, s, "an empty record", attemptByID(empty.ID), empty)
			wantAbsent(t, s, "an unknown id", attemptByID(ident("att", 3)))
		}},
		{"OfIdentifierIsOldestFirstUpToItsLimit", func(t *testing.T, s store.Store) {
			puts(t, s, putAttempt, att(3, 1), att(1, 1), att(2, 2), att(4, 1))
			wantList(t, s, "all", attemptsOf(1, 10), att(1, 1), att(3, 1), att(4, 1))
			wantList(t, s, "the oldest two", attemptsOf(1, 2), att(1, 1), att(3, 1))
			wantList(t, s, "the other's", attemptsOf(2, 10), att(2, 2))
			wantList(t, s, "nobody's", attemptsOf(3, 10))
			wantList(t, s, "none asked for", attemptsOf(1, 0))
		}},
		{"ExpiredIsEarliestFirstUpToItsLimit", func(t *testing.T, s store.Store) {
			late := att(1, 1)
			late.ExpiresAt = at(50)
			puts(t, s, putAttempt, late, att(3, 1), att(2, 2)) // attempt n expires at minute 15 + n
			wantList(t, s, "not yet at the moment itself", expiredAttempts(17, 10))
			wantList(t, s, "the earliest", expiredAttempts(18, 10), att(2, 2))
			wantList(t, s, "all", expiredAttempts(51, 10), att(2, 2), att(3, 1), late)
			wantList(t, s, "the earliest two", expiredAttempts(51, 2), att(2, 2), att(3, 1))
			wantList(t, s, "none asked for", expiredAttempts(51, 0))
		}},
		{"DeletedIsGoneFromEverywhere", func(t *testing.T, s store.Store) {
			puts(t, s, putAttempt, att(1, 1), att(2, 1))
			remove := func(tx store.Tx, id string) error { return tx.Attempts.Delete(id) }
			puts(t, s, remove, ident("att", 1), ident("att", 1), ident("att", 9))
			wantAbsent(t, s, "the record", attemptByID(ident("att", 1)))
			wantList(t, s, "the identifier's", attemptsOf(1, 10), att(2, 1))
			wantList(t, s, "the expired", expiredAttempts(100, 10), att(2, 1))
		}},
	}
}
