package flow

import (
	"context"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/lockout"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// Work is what a proof of work is asked for. A solution is good for its own work alone.
type Work string

// The works.
const (
	WorkSignUp Work = "sign_up"
	WorkSignIn Work = "sign_in"
	WorkCode   Work = "code"
)

// Challenges has risk make proofs of work, and take their solutions. It keeps its own deadline.
type Challenges interface {
	// Issue makes a challenge of so many hashes at most, where risk's gate asks for it with the id of its decision. Once a solution is taken, what was
	// sent away to solve it counts as a failure no more.
	Issue(ctx context.Context, what Work, difficulty int, decisionID string) (*typev1.Challenge, error)
	// Redeem says whether a solution was taken: each is once, where its challenge was made with that difficulty at least.
	Redeem(ctx context.Context, what Work, least int, solution secret.Text) (bool, error)
}

// challenged lets through who brings a solution that is good, and sends others away with a challenge. Call it at most once per call of a client, and only
// when one is due: a solution that was redeemed is used up. While risk is away nobody comes through.
//
// Whether one is due may depend on where a call comes from, on load, on the device, and on counts that are kept of every identifier; never on whether
// there is an account.
func (f *Attempts) challenged(ctx context.Context, client Client, what Work) error {
	return f.letThrough(ctx, client, what, 1, "")
}

// challengedFor is challenged where it is risk's gate that asks: with the id of its decision.
func (f *Attempts) challengedFor(ctx context.Context, client Client, what Work, decisionID string) error {
	return f.letThrough(ctx, client, what, 1, decisionID)
}

// challengedHarder is challenged with so many times the usual work.
func (f *Attempts) challengedHarder(ctx context.Context, client Client, what Work, effort int) error {
	return f.letThrough(ctx, client, what, effort, "")
}

// letThrough takes solutions of half the work that is due: it may have become more while somebody solved one. Of much less they would be from a stock, that was
// made while it was cheap.
func (f *Attempts) letThrough(ctx context.Context, client Client, what Work, effort int, decisionID string) error {
	difficulty := f.Policy(ctx).Difficulty(effort)
	if !client.Solution.IsZero() {
		taken, err := f.Challenges.Redeem(ctx, what, difficulty/2, client.Solution)
		if err != nil {
			return errNoChallenge.Because(err)
		}
		if taken {
			return nil
		}
	}
	challenge, err := f.Challenges.Issue(ctx, what, difficulty, decisionID)
	if err != nil {
		return errNoChallenge.Because(err)
	}
	return errChallengeRequired.WithChallenge(challenge)
}

// work is what the answers of an attempt are challenged for.
func work(p attempt.Purpose) Work {
	if p == attempt.SignUp {
		return WorkSignUp
	}
	return WorkSignIn
}

// pastBudget says whether strangers have failed so often in a row, for an identifier and a factor, that each further answer of theirs costs a challenge.
// Identifiers that belong to nobody have the same count. Where the count itself will refuse the answer none is due: it would use up a solution for nothing.
// All this is read beforehand: answers given at once may pass it together, and the count holds them.
func (f *Attempts) pastBudget(ctx context.Context, t try, factor attempt.Factor) (bool, error) {
	most := t.rules.ChallengeAfterFailures
	if t.known || most == 0 {
		return false, nil
	}
	var past bool
	err := f.Store.View(ctx, func(tx store.Tx) error {
		record, err := tx.Lockouts.Get(f.Secrets.lockoutKey(t.Attempt.Canonical, factor))
		past = record.InRow(lockout.Strangers, t.rules.Lockout(), t.now) >= most &&
			record.Reserve("", lockout.Strangers, t.rules.Lockout(), t.now).Admitted
		return err
	})
	return past, err
}

// crowded says whether strangers take so much of the hash pool that each of them has to solve a challenge first.
func (f *Attempts) crowded(t try) bool {
	return t.rules.ChallengeUnderLoad && t.lane() == credential.Stranger && f.Pool.Crowded(credential.Stranger)
}

// workBeforeHash has a challenge solved where one is due, before the caller takes a place in the pool, and says whether it was. Where there is no place
// to be had, a solution isn't used up.
func (f *Attempts) workBeforeHash(ctx context.Context, t try, due bool) (bool, error) {
	if !due {
		return false, nil
	}
	place, err := f.Pool.Begin(t.lane())
	if err != nil {
		return false, hashing(err)
	}
	place.Release()
	if err := f.challenged(ctx, t.ticket.Client, work(t.Attempt.Purpose)); err != nil {
		return false, err
	}
	return true, nil
}
