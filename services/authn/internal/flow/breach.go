package flow

import (
	"context"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// causeBreach is the cause of a mark that nobody ordered.
const causeBreach = "breach"

// breachRetry is when to try again after no source could tell of a password.
const breachRetry = 10 * time.Second

// bySystem is authn itself, that acts on what a source knows.
var bySystem = Actor{Actor: audit.Actor{Kind: audit.System, ID: "authn"}, Authority: "the breach check"}

// refuseBreached refuses a new password that is known from a breach, or that couldn't be looked up where the policy wants to know. It is called with no
// transaction and no place in the pool: a range API may take its time. A caller who didn't wait for its answer goes nowhere: otherwise hanging up in time
// would be a way around it where a failure is let pass.
func (f *Attempts) refuseBreached(ctx context.Context, t try, password secret.Text) error {
	found := f.Breaches.Check(ctx, t.rules.BreachMode, password)
	if found.Err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if !breach.Refuses(breach.AtSet, found, t.rules.BreachOnFailure(breach.AtSet)) {
		return nil
	}
	switch found.Verdict {
	case breach.Breached:
		return passwordRefused(credential.Breached, "is known from a breach of another service; choose one that you use nowhere else")
	case breach.Suspected:
		return passwordRefused(credential.BreachSuspected, "is probably known from a breach of another service; choose another, that you use nowhere else")
	default:
		return errBreachUnknown.Because(found.Err)
	}
}

// refuseUnready refuses a password while a source is away, where the policy lets nobody in unchecked. It comes before the count and the hash, and is the same
// for right passwords, wrong ones and those given for nobody, on all devices: it knows the deployment's sources and nothing of the account, so that it tells
// nothing of the password and costs the owner no try. An account whose password is marked, which no source would be asked about, waits with the others: to
// let it pass would show strangers the mark.
//
// It answers when a failure does, as does a right password that is withheld: by the time they can't be told apart.
func (f *Attempts) refuseUnready(ctx context.Context, t try, password secret.Text) error {
	if !t.rules.BreachAtSignIn || t.rules.BreachOnFailure(breach.AtSignIn) == breach.Open {
		return nil
	}
	place, err := f.Pool.Begin(t.lane())
	if err != nil {
		return hashing(err)
	}
	place.Release() // who waits for a source holds no place in the pool
	away := f.Breaches.Ready(ctx, t.rules.BreachMode, password)
	if away == nil {
		return nil
	}
	if err := place.AwaitDeadline(ctx); err != nil {
		return err
	}
	return errBreachUnknown.Because(away)
}

// knownBreached says of a right password whether its owner must replace it because it is known from a breach, or why nobody is let in by it for now. Only
// right passwords are looked up: what somebody guesses is nobody's, must not leave the machine, and mustn't have a stranger use up what a range API allows.
// Nothing shows by that. A wrong password and an unknown identifier answer at the pool's deadline, whatever the sources do; a right one may answer at any
// time, for its next step says that it was right.
//
// Whoever hangs up is looked up all the same. What is given back to who leaves at this moment would be given back for right passwords alone, and tell of them.
//
// A password that is marked already isn't looked up: its owner is on the way to another, which a failing source mustn't block.
func (f *Attempts) knownBreached(ctx context.Context, t try, password secret.Text) (breached bool, withheld error) {
	if !t.rules.BreachAtSignIn || t.user.Password.Compromised() || t.user.Password.Contained() {
		return false, nil
	}
	found := f.Breaches.Check(context.WithoutCancel(ctx), t.rules.BreachMode, password)
	if !breach.Refuses(breach.AtSignIn, found, t.rules.BreachOnFailure(breach.AtSignIn)) {
		return false, nil
	}
	if found.Verdict != breach.Breached {
		return false, errBreachUnknown.Because(found.Err) // a source that fails marks nobody
	}
	return true, nil
}

// withhold keeps that a right password was given and led nowhere, because a source failed that had answered a moment before. Whoever gave it knows now that
// it is right: so it has counted as a failure, and where nothing comes of the attempt its owner is told, as of one that was abandoned. Nobody is told where the
// password would have sufficed.
func (f *Attempts) withhold(tx store.Tx, a attempt.Attempt, t try, c checkedPassword) error {
	if err := stopLearningOf(tx, a); err != nil {
		return err
	}
	sufficed, err := f.sufficed(tx, a, t, c)
	if err != nil || sufficed {
		return err
	}
	a.WithheldAt, a.Assessment = t.now, &c.assessment
	return tx.Attempts.Put(a)
}

// markBreached has the owner of a right password choose another, unless it was changed or marked meanwhile.
func (f *Attempts) markBreached(tx store.Tx, a attempt.Attempt, t try) error {
	user, found, err := tx.Users.Get(a.UserID)
	if err != nil || !found || user.Epoch != a.Epoch || user.Password.Compromised() || user.Password.Contained() {
		return err
	}
	var marked Marked
	return marked.add(tx, user, mark{
		by: bySystem, cause: causeBreach, note: "known from a breach of another service", at: t.now, endSessions: t.rules.BreachEndsSessions,
	})
}
