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
// transaction and no place in the pool: a range API may take its time.
func (f *Attempts) refuseBreached(ctx context.Context, t try, password secret.Text) error {
	found, err := f.lookUp(ctx, t, password)
	if err != nil || !breach.Refuses(breach.AtSet, found, t.rules.BreachOnFailure(breach.AtSet)) {
		return err
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

// knownBreached says of a right password whether its owner must replace it because it is known from a breach. Only right passwords are looked up: what
// somebody guesses is nobody's, must not leave the machine, and mustn't have a stranger use up what a range API allows. Nothing shows by that. A wrong
// password and an unknown identifier answer at the pool's deadline, whatever the sources do; a right one may answer at any time, for its next step says
// that it was right.
//
// A password that is marked already isn't looked up: its owner is on the way to another, which a failing source mustn't block.
func (f *Attempts) knownBreached(ctx context.Context, t try, password secret.Text) (bool, error) {
	if !t.rules.BreachAtSignIn || t.user.Password.Compromised() || t.user.Password.Contained() {
		return false, nil
	}
	found, err := f.lookUp(ctx, t, password)
	if err != nil || !breach.Refuses(breach.AtSignIn, found, t.rules.BreachOnFailure(breach.AtSignIn)) {
		return false, err
	}
	if found.Verdict != breach.Breached {
		return false, errBreachUnknown.Because(found.Err) // a source that fails marks nobody
	}
	return true, nil
}

// lookUp asks the sources of the policy's mode. A caller who didn't wait for their answer goes nowhere: otherwise hanging up in time would be a way around
// them where a failure is let pass.
func (f *Attempts) lookUp(ctx context.Context, t try, password secret.Text) (breach.Result, error) {
	found := f.Breaches(ctx, t.rules.BreachMode, password)
	if found.Err != nil && ctx.Err() != nil {
		return breach.Result{}, ctx.Err()
	}
	return found, nil
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
