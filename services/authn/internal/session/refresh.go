package session

import (
	"time"

	"github.com/doorward/doorward/internal/secret"
)

// Use is what the presentation of a genuine refresh token of this session's family comes to.
type Use int

// What it can come to.
const (
	// UseRefused: the session isn't active. Nothing changes.
	UseRefused Use = iota
	// UseNext: the current token. It is used up, and its successor is now current.
	UseNext
	// UseAgain: the token before, within its grace. The successor that it got the first time is still current, and is given again.
	UseAgain
	// UseReuse: any other token of the family. The session is ended.
	UseReuse
)

// Present takes a refresh token's digest and its successor's, and changes the session as Use says. That the token is genuine, and the
// device the session's, was checked before. The successor is a function of the token, so a race between two presentations of one token
// ends in the same pair.
func (s *Session) Present(presented, successor secret.Digest, now time.Time, epoch uint64, grace time.Duration) Use {
	switch {
	case !s.Active(now, epoch):
		return UseRefused
	case s.Refresh.Equal(presented):
		s.Previous, s.Refresh = presented, successor
		s.RefreshedAt, s.LastUsedAt = now, now
		return UseNext
	case s.Previous.Equal(presented) && now.Before(s.RefreshedAt.Add(grace)):
		s.LastUsedAt = now
		return UseAgain
	default:
		s.Finish(EndRefreshReuse, now)
		return UseReuse
	}
}
