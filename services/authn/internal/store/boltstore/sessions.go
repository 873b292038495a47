package boltstore

import (
	"slices"
	"time"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
)

var (
	sessionsByUser   = newestFirst{boltdb.Table[string]{Bucket: "sessions_by_user"}}
	sessionsActive   = boltdb.Multi{Bucket: "sessions_active_by_user"}
	sessionsByExpiry = boltdb.Multi{Bucket: "sessions_by_expiry"}
)

// newSessionSet is a store's own, because what it remembers is of one file.
func newSessionSet() *set[session.Session] {
	return &set[session.Session]{
		table: boltdb.NewCached(boltdb.Table[session.Session]{Bucket: "sessions"}, remembered, cloneSession),
		key:   func(s session.Session) string { return s.ID },
		lists: []list[session.Session]{
			{sessionsByUser, func(s session.Session) string { return s.UserID }},
			{sessionsActive, activeOf},
			{sessionsByExpiry, func(s session.Session) string { return moment(s.ExpiresAt) }},
		},
	}
}

func cloneSession(s session.Session) session.Session {
	s.AMR = slices.Clone(s.AMR)
	return s
}

// activeOf is the user whose active sessions have this one.
func activeOf(s session.Session) string {
	if !s.EndedAt.IsZero() {
		return ""
	}
	return s.UserID
}

type sessions struct{ *scope }

var _ store.Sessions = sessions{}

func (s sessions) Get(id string) (session.Session, bool, error) {
	return s.store.sessions.table.Get(s.tx, id)
}

func (s sessions) Put(record session.Session) error { return s.store.sessions.put(s.tx, record) }

func (s sessions) OfUser(userID, before string, limit int) ([]session.Session, error) {
	ids, err := sessionsByUser.ids(s.tx, userID, before, limit)
	if err != nil {
		return nil, err
	}
	return s.store.sessions.fetch(s.tx, ids)
}

func (s sessions) ActiveOfUser(userID string) ([]session.Session, error) {
	ids, err := idsUnder(s.tx, sessionsActive, userID, all)
	if err != nil {
		return nil, err
	}
	return s.store.sessions.fetch(s.tx, ids)
}

func (s sessions) DeleteExpired(t time.Time, limit int) (int, error) {
	return s.store.sessions.deleteBefore(s.tx, sessionsByExpiry, t, limit)
}
