package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/lockout"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// Things that may happen once only, tried by many at the same moment.
func raceTests() []test {
	return []test{
		{"ACodeIsGoodOnce", codeOnce},
		{"ARefreshTokenIsUsedOnceAndItsRepeatsGetTheSame", refreshOnce},
		{"ARefreshTokenWithoutGraceEndsTheFamily", refreshReuse},
		{"ParallelGuessesDontOutrunTheBudget", parallelGuesses},
		{"AnAddressIsClaimedOnce", claimOnce},
		{"NoUpdateIsLost", noLostUpdate},
	}
}

// count is how often each outcome came out.
func count[T comparable](outcomes []T) map[T]int {
	n := map[T]int{}
	for _, o := range outcomes {
		n[o]++
	}
	return n
}

func codeOnce(t *testing.T, s store.Store) {
	const n = 24
	a := att(1, 1)
	code := a.Codes[0].MAC
	puts(t, s, putAttempt, a)
	outcomes := make([]attempt.Outcome, n)
	race(t, n, func(i int) error {
		return tryUpdate(t.Context(), s, func(tx store.Tx) error {
			a, _, err := tx.Attempts.Get(ident("att", 1))
			if err != nil {
				return err
			}
			outcomes[i] = a.AnswerCode(code, at(2))
			return tx.Attempts.Put(a)
		})
	})
	if got := count(outcomes); got[attempt.Accepted] != 1 || got[attempt.Wrong] != n-1 {
		t.Errorf("outcomes: %v, want one accepted and the rest wrong", got)
	}
}

// present lets n clients present one refresh token at once, and returns what came of it and the session in the end.
func present(t *testing.T, s store.Store, n int, grace time.Duration) ([]session.Use, session.Session) {
	t.Helper()
	start := active(1, 1)
	puts(t, s, putSession, start)
	uses := make([]session.Use, n)
	race(t, n, func(i int) error {
		return tryUpdate(t.Context(), s, func(tx store.Tx) error {
			ses, _, err := tx.Sessions.Get(start.ID)
			if err != nil {
				return err
			}
			uses[i] = ses.Present(start.Refresh, digest("successor", 1), at(2), start.Epoch, grace)
			return tx.Sessions.Put(ses)
		})
	})
	var end session.Session
	view(t, s, func(tx store.Tx) (err error) {
		end, _, err = tx.Sessions.Get(start.ID)
		return err
	})
	return uses, end
}

func refreshOnce(t *testing.T, s store.Store) {
	const n = 24
	uses, end := present(t, s, n, 10*time.Second)
	if got := count(uses); got[session.UseNext] != 1 || got[session.UseAgain] != n-1 {
		t.Errorf("uses: %v, want one next and the rest again", got)
	}
	if !end.EndedAt.IsZero() || end.Refresh != digest("successor", 1) {
		t.Error("the session isn't active with the one successor")
	}
}

func refreshReuse(t *testing.T, s store.Store) {
	const n = 24
	uses, end := present(t, s, n, 0)
	if got := count(uses); got[session.UseNext] != 1 || got[session.UseReuse] != 1 || got[session.UseRefused] != n-2 {
		t.Errorf("uses: %v, want one next, one reuse that ends the family, and the rest refused", got)
	}
	if end.End != session.EndRefreshReuse {
		t.Errorf("the session's end is %q", end.End)
	}
	wantList(t, s, "active sessions", activeOf(1))
}

func parallelGuesses(t *testing.T, s store.Store) {
	const n = 64
	rules := lockout.Rules{WaitFrom: 10, FirstWait: time.Minute, LockAt: 20, Lock: time.Hour, Decay: 24 * time.Hour}
	admitted := make([]bool, n)
	race(t, n, func(i int) error {
		return tryUpdate(t.Context(), s, func(tx store.Tx) error {
			r, err := tx.Lockouts.Get(accountKey(1))
			if err != nil {
				return err
			}
			admitted[i] = r.Reserve(ident("ans", i), lockout.Strangers, rules, at(0)).Admitted
			return tx.Lockouts.Put(accountKey(1), r, r.ForgetAt(rules))
		})
	})
	if got := count(admitted)[true]; got != rules.WaitFrom {
		t.Errorf("%d of %d guesses were admitted, want %d", got, n, rules.WaitFrom)
	}
}

func claimOnce(t *testing.T, s store.Store) {
	const n = 24
	refused := make([]bool, n)
	race(t, n, func(i int) error {
		u := user(i)
		u.Emails[1] = email(0)
		return tryUpdate(t.Context(), s, func(tx store.Tx) error {
			err := tx.Users.Put(u)
			refused[i] = errors.Is(err, store.ErrEmailTaken)
			if refused[i] {
				return nil
			}
			return err
		})
	})
	if got := count(refused)[false]; got != 1 {
		t.Errorf("%d users have the address", got)
	}
}

func noLostUpdate(t *testing.T, s store.Store) {
	const n, rounds = 16, 10
	d := dev(1, 1)
	d.Spent = nil
	puts(t, s, putDevice, d)
	race(t, n, func(i int) error {
		for round := range rounds {
			err := tryUpdate(t.Context(), s, func(tx store.Tx) error {
				d, _, err := tx.Devices.Get(ident("dev", 1))
				if err != nil {
					return err
				}
				d.Spent = append(d.Spent, digest("spent", i*rounds+round))
				return tx.Devices.Put(d)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	seen := map[secret.Digest]bool{}
	view(t, s, func(tx store.Tx) error {
		d, _, err := tx.Devices.Get(ident("dev", 1))
		for _, spent := range d.Spent {
			seen[spent] = true
		}
		return err
	})
	if len(seen) != n*rounds {
		t.Errorf("%d of %d updates are there", len(seen), n*rounds)
	}
}
