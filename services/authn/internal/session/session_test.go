package session_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/session"
)

const (
	epoch = 3
	grace = 10 * time.Second
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// token is the digest of the n-th refresh token of the family; the successor of token n is token n+1.
func token(n int) secret.Digest { return secret.Hash(secret.Wrap(fmt.Sprint("token ", n))) }

func fresh() session.Session {
	return session.Session{ID: "ses_1", UserID: "usr_1", Epoch: epoch, StartedAt: noon, ExpiresAt: noon.Add(time.Hour), Refresh: token(1)}
}

// refreshed is a session whose token 1 was used at noon.
func refreshed() session.Session {
	s := fresh()
	s.Present(token(1), token(2), noon, epoch, grace)
	return s
}

func TestARefreshTokenIsGoodOnce(t *testing.T) {
	for name, c := range map[string]struct {
		session session.Session
		token   int
		at      time.Time
		epoch   uint64
		want    session.Use
		current int
	}{
		"the first":                             {fresh(), 1, noon, epoch, session.UseNext, 2},
		"the current one":                       {refreshed(), 2, noon.Add(time.Second), epoch, session.UseNext, 3},
		"the one before, within its grace":      {refreshed(), 1, noon.Add(grace - 1), epoch, session.UseAgain, 2},
		"the one before, after its grace":       {refreshed(), 1, noon.Add(grace), epoch, session.UseReuse, 2},
		"an older one":                          {refreshed(), 0, noon, epoch, session.UseReuse, 2},
		"any other of the family":               {refreshed(), 7, noon, epoch, session.UseReuse, 2},
		"the current one, expired":              {fresh(), 1, noon.Add(time.Hour), epoch, session.UseRefused, 1},
		"the current one, the epoch has risen":  {fresh(), 1, noon, epoch + 1, session.UseRefused, 1},
		"the current one, of a later epoch":     {fresh(), 1, noon, epoch - 1, session.UseRefused, 1},
		"an older one, the session has expired": {refreshed(), 0, noon.Add(time.Hour), epoch, session.UseRefused, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.session
			if got := s.Present(token(c.token), token(c.token+1), c.at, c.epoch, grace); got != c.want {
				t.Errorf("Present = %v, want %v", got, c.want)
			}
			if s.Refresh != token(c.current) {
				t.Errorf("the current token isn't number %d", c.current)
			}
			if ended := s.End == session.EndRefreshReuse; ended != (c.want == session.UseReuse) {
				t.Errorf("the session's end is %q", s.End)
			}
		})
	}
}

func TestNothingIsRefreshedInAnEndedSession(t *testing.T) {
	for _, why := range []session.End{
		session.EndRevoked, session.EndContained, session.EndRefreshReuse, session.EndPasswordChanged, session.EndExpired,
	} {
		s := refreshed()
		s.Finish(why, noon)
		before := s
		for n := range 4 {
			if got := s.Present(token(n), token(n+1), noon, epoch, grace); got != session.UseRefused {
				t.Errorf("%s: token %d gives %v", why, n, got)
			}
		}
		if diff := cmp.Diff(before, s); diff != "" {
			t.Errorf("%s: the session has changed:\n%s", why, diff)
		}
	}
}

func TestASessionKeepsItsFirstEnd(t *testing.T) {
	s := fresh()
	if !s.Finish(session.EndContained, noon) {
		t.Error("an active session isn't ended")
	}
	if s.Finish(session.EndRevoked, noon.Add(time.Minute)) {
		t.Error("an ended session is ended again")
	}
	if s.End != session.EndContained || !s.EndedAt.Equal(noon) {
		t.Errorf("the end is %q at %v", s.End, s.EndedAt)
	}
}

func TestActive(t *testing.T) {
	ended := fresh()
	ended.Finish(session.EndRevoked, noon)
	for name, c := range map[string]struct {
		session session.Session
		at      time.Time
		epoch   uint64
		want    bool
	}{
		"on its last moment":      {fresh(), noon.Add(time.Hour - 1), epoch, true},
		"expired":                 {fresh(), noon.Add(time.Hour), epoch, false},
		"ended":                   {ended, noon, epoch, false},
		"the epoch has risen":     {fresh(), noon, epoch + 1, false},
		"without an expiry":       {session.Session{Epoch: epoch}, noon, epoch, false},
		"of an epoch yet to come": {fresh(), noon, epoch - 1, false},
	} {
		if got := c.session.Active(c.at, c.epoch); got != c.want {
			t.Errorf("%s: Active = %t, want %t", name, got, c.want)
		}
	}
}

// Any order of presentations: each token is used once; a repeat within its grace gets what the first got; whatever else of the family's
// past comes ends the session, for good.
func TestRefreshFamily(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, now := fresh(), noon
		current, rotated, ended := 1, time.Time{}, false
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				now = now.Add(rapid.SampledFrom([]time.Duration{1, grace / 2, grace, time.Minute}).Draw(t, "time"))
			},
			"present": func(t *rapid.T) {
				n := rapid.IntRange(max(0, current-3), current).Draw(t, "token")
				want := session.UseReuse
				switch {
				case ended || !now.Before(s.ExpiresAt):
					want = session.UseRefused
				case n == current:
					want, current, rotated = session.UseNext, current+1, now
				case n > 0 && n == current-1 && now.Before(rotated.Add(grace)):
					want = session.UseAgain
				default:
					ended = true
				}
				if got := s.Present(token(n), token(n+1), now, epoch, grace); got != want {
					t.Fatalf("token %d, current %d: Present = %v, want %v", n, current, got, want)
				}
			},
			"": func(t *rapid.T) {
				if s.Refresh != token(current) {
					t.Fatalf("the current token isn't number %d", current)
				}
				if ended != (s.End == session.EndRefreshReuse) {
					t.Fatalf("ended = %t, want %t", !s.EndedAt.IsZero(), ended)
				}
			},
		})
	})
}
