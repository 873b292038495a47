package reconcile

import (
	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/test/load"
)

// compareUsers: every acknowledged account is there under its id, and none whose sign-up was refused or given up before it was decided.
func (e *Evidence) compareUsers(f *Faults) {
	acknowledged := make(map[string]bool)
	for _, u := range e.ledger.Users() {
		acknowledged[u.Email] = true
		if e.stored.emails[u.ID] != u.Email {
			f.wrong("user %s (%s), acknowledged at %s, isn't there", u.ID, u.Email, clock(u.At))
		}
	}
	unanswered := make(map[string]bool)
	for _, loss := range e.ledger.Losses() {
		if loss.Kind == load.SignUp && loss.Outcome == load.Unknown {
			unanswered[loss.Email] = true
		}
	}
	for id, email := range e.stored.emails {
		if !acknowledged[email] && !unanswered[email] {
			f.wrong("user %s (%s) is there, and nobody answered a sign-up that could have made it", id, email)
		}
	}
}

// compareSessions: every acknowledged session is there, active unless its revocation was asked for, and there are no more than lost answers explain.
func (e *Evidence) compareSessions(f *Faults) {
	there := make(map[string]*authnv1.Session)
	more := make(map[string]int) // sessions that were never acknowledged, by address
	for user, sessions := range e.stored.sessions {
		for _, s := range sessions {
			there[s.GetId()] = s
		}
		more[e.stored.emails[user]] = len(sessions)
	}
	for _, s := range e.ledger.Sessions() {
		more[s.Email]--
		compareSession(f, s, there[s.ID])
	}
	for _, loss := range e.ledger.Losses() {
		begins := loss.Kind == load.SignUp || loss.Kind == load.SignIn || loss.Kind == load.NewDevice
		if begins && loss.Outcome == load.Unknown {
			more[loss.Email]--
		}
	}
	for email, n := range more {
		if n > 0 {
			f.wrong("%s has %d sessions more than were acknowledged or asked for without an answer", email, n)
		}
	}
}

func compareSession(f *Faults, known load.Session, s *authnv1.Session) {
	switch {
	case s == nil:
		f.wrong("session %s of %s, acknowledged at %s, isn't there", known.ID, known.Email, clock(known.At))
	case s.GetUserId() != known.UserID:
		f.wrong("session %s belongs to %s, and was acknowledged to %s", known.ID, s.GetUserId(), known.UserID)
	case !known.RevokedAt.IsZero() && s.GetEnd() != authnv1.SessionEnd_SESSION_END_REVOKED:
		f.wrong("session %s, revoked with an answer at %s, is %v", known.ID, clock(known.RevokedAt), s.GetEnd())
	case known.MaybeRevoked && s.GetEnd() == authnv1.SessionEnd_SESSION_END_REVOKED:
	case known.RevokedAt.IsZero() && s.GetEndedAt() != nil:
		f.wrong("session %s of %s ended at %s (%v), and nobody asked for it", known.ID, known.Email, clock(s.GetEndedAt().AsTime()), s.GetEnd())
	}
}
