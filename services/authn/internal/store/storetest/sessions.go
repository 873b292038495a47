package storetest

import (
	"testing"

	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
)

func putSession(tx store.Tx, s session.Session) error { return tx.Sessions.Put(s) }

func sessionByID(id string) lookup[session.Session] {
	return func(tx store.Tx) (session.Session, bool, error) { return tx.Sessions.Get(id) }
}

func sessionsOf(owner int, before string, limit int) func(store.Tx) ([]session.Session, error) {
	return func(tx store.Tx) ([]session.Session, error) {
		return tx.Sessions.OfUser(ident("usr", owner), before, limit)
	}
}

func activeOf(owner int) func(store.Tx) ([]session.Session, error) {
	return func(tx store.Tx) ([]session.Session, error) { return tx.Sessions.ActiveOfUser(ident("usr", owner)) }
}

func deleteSessions(minute, limit int) func(store.Tx) (int, error) {
	return func(tx store.Tx) (int, error) { return tx.Sessions.DeleteExpired(at(minute), limit) }
}

func sessionTests() []test {
	return []test{
		{"GivesBackWhatItWasGiven", func(t *testing.T, s store.Store) {
			empty := session.Session{ID: ident("ses", 2), UserID: ident("usr", 1)}
			puts(t, s, putSession, ses(1, 1), empty)
			wantFound(t, s, "a full record", sessionByID(ses(1, 1).ID), ses(1, 1))
			wantFound(t, s, "an empty record", sessionByID(empty.ID), empty)
			wantAbsent(t, s, "an unknown id", sessionByID(ident("ses", 3)))
		}},
		{"OfUserGoesBackFromTheNewest", func(t *testing.T, s store.Store) {
			puts(t, s, putSession, ses(2, 1), active(4, 1), ses(1, 1), ses(3, 2))
			wantList(t, s, "all", sessionsOf(1, "", 10), active(4, 1), ses(2, 1), ses(1, 1))
			wantList(t, s, "the newest two", sessionsOf(1, "", 2), active(4, 1), ses(2, 1))
			wantList(t, s, "after the newest", sessionsOf(1, ident("ses", 4), 10), ses(2, 1), ses(1, 1))
			wantList(t, s, "after one that isn't there", sessionsOf(1, ident("ses", 3), 1), ses(2, 1))
			wantList(t, s, "after the oldest", sessionsOf(1, ident("ses", 1), 10))
			wantList(t, s, "the other user's", sessionsOf(2, "", 10), ses(3, 2))
			wantList(t, s, "nobody's", sessionsOf(3, "", 10))
			wantList(t, s, "none asked for", sessionsOf(1, "", 0))
		}},
		{"ActiveOfUserIsAllThatHaventEnded", activeUntilEnded},
		{"DeleteExpiredTakesTheEarliestUpToItsLimit", deleteExpiredSessions},
		{"PutMovesTheExpiry", func(t *testing.T, s store.Store) {
			extended := active(1, 1)
			extended.ExpiresAt = at(500)
			puts(t, s, putSession, active(1, 1), extended)
			wantDeleted(t, s, deleteSessions(500, 10), 0)
			wantDeleted(t, s, deleteSessions(501, 10), 1)
		}},
	}
}

func activeUntilEnded(t *testing.T, s store.Store) {
	expired := active(3, 1)
	expired.ExpiresAt = at(3)
	puts(t, s, putSession, expired, active(1, 1), active(4, 2), active(2, 1), ses(5, 1))
	wantList(t, s, "with an expired one, oldest first", activeOf(1), active(1, 1), active(2, 1), expired)
	puts(t, s, putSession, ses(2, 1))
	wantList(t, s, "after one has ended", activeOf(1), active(1, 1), expired)
	wantList(t, s, "the other user's", activeOf(2), active(4, 2))
	puts(t, s, putSession, active(2, 1)) // the store has no opinion on who may come back
	wantList(t, s, "after it came back", activeOf(1), active(1, 1), active(2, 1), expired)
}

func deleteExpiredSessions(t *testing.T, s store.Store) {
	// Session n expires at minute 100 + n.
	puts(t, s, putSession, active(3, 1), ses(1, 1), active(2, 1), active(4, 1))
	wantDeleted(t, s, deleteSessions(101, 10), 0)
	wantDeleted(t, s, deleteSessions(104, 0), 0)
	wantDeleted(t, s, deleteSessions(104, 2), 2)
	wantList(t, s, "all", sessionsOf(1, "", 10), active(4, 1), active(3, 1))
	wantList(t, s, "active", activeOf(1), active(3, 1), active(4, 1))
	wantAbsent(t, s, "the first", sessionByID(ident("ses", 1)))
	wantDeleted(t, s, deleteSessions(104, 2), 1)
	wantDeleted(t, s, deleteSessions(104, 2), 0)
	wantList(t, s, "what expires later", sessionsOf(1, "", 10), active(4, 1))
}
