package flow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/lockout"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// settleTime is how long a settlement may take after the caller has gone: a hash that was computed must be counted for what it was.
const settleTime = 5 * time.Second

// answerPassword checks a password. Whatever isn't the right one answers at the pool's deadline, failures that come before the hash too: how long a lock,
// a look at the account's history or the hash itself took can't be told from outside.
func (f *Attempts) answerPassword(ctx context.Context, t try, password secret.Text) (Progress, error) {
	if err := f.refuseUnready(ctx, t, password); err != nil {
		return Progress{}, err
	}
	past, err := f.pastBudget(ctx, t, attempt.Password)
	if err != nil {
		return Progress{}, err
	}
	if t.worked, err = f.workBeforeHash(ctx, t, past || f.crowded(t)); err != nil {
		return Progress{}, err
	}
	ticket, err := f.Pool.Begin(t.lane())
	if err != nil {
		return Progress{}, hashing(err)
	}
	defer ticket.Release()
	p, right, err := f.checkPassword(ctx, t, ticket, password)
	if !right {
		err = cmp.Or(err, ticket.AwaitDeadline(ctx))
	}
	if err != nil {
		return Progress{}, err
	}
	return f.grant(p, t.rules.SessionTokenLifetime)
}

// checkPassword says whether a password is right, and where the attempt then stands. The order is the point: the caller's place in the pool, the reserved
// failure, risk, the hash, the breach check, the verdict.
func (f *Attempts) checkPassword(ctx context.Context, t try, ticket *credential.Ticket, password secret.Text) (p Progress, right bool, err error) {
	reservation, err := f.reserve(ctx, t)
	if err != nil {
		return Progress{}, false, err
	}
	judgement, err := f.judge(ctx, t)
	if err != nil {
		return Progress{}, false, f.unchecked(ctx, t, reservation, err)
	}
	result, err := ticket.Verify(ctx, t.stored(), password)
	if err != nil {
		return Progress{}, false, f.unchecked(ctx, t, reservation, hashing(err))
	}
	checked := checkedPassword{reservation: reservation, right: result.OK, assessment: judgement.Assessment}
	if checked.right { // the ticket is spent: whoever waits for a source holds no place in the pool
		checked.breached, checked.withheld = f.knownBreached(ctx, t, password)
	}
	if result.NeedsRehash && checked.withheld == nil {
		checked.rehashed = f.rehash(ctx, password)
	}
	p, err = f.settlePassword(ctx, t, checked)
	return p, checked.right && err == nil, err // where it leads nowhere, nothing says that it was right
}

// lane is whose half of the pool the caller has.
func (t try) lane() credential.Lane {
	if t.known {
		return credential.Known
	}
	return credential.Stranger
}

// stored is the password to compare with; empty for nobody's, which takes as long.
func (t try) stored() credential.PHC {
	if t.user.Password == nil {
		return credential.PHC{}
	}
	return credential.WrapPHC(t.user.Password.PHC)
}

// reserve counts a failure of the identifier and of the attempt, before anything is checked.
func (f *Attempts) reserve(ctx context.Context, t try) (reservation string, err error) {
	reservation = id.New("ans", t.now)
	key := f.Secrets.lockoutKey(t.Attempt.Canonical, attempt.Password)
	var refused error
	err = f.Store.Update(ctx, func(tx store.Tx) error {
		refused = nil
		p, err := f.reopen(tx, t)
		if err != nil {
			return err
		}
		if p.Step == attempt.Refused {
			refused = errAttemptNotFound
			return nil
		}
		a := p.Attempt
		record, err := tx.Lockouts.Get(key)
		if err != nil {
			return err
		}
		rules := t.rules.Lockout()
		if verdict := record.Reserve(reservation, t.who(), rules, t.now); !verdict.Admitted {
			refused = t.tooManyFailures(verdict)
			return nil
		}
		a.Wrong++
		if err := tx.Attempts.Put(a); err != nil {
			return err
		}
		return tx.Lockouts.Put(key, record, record.ForgetAt(rules))
	})
	if err == nil {
		err = refused
	}
	return reservation, err
}

// unchecked takes the reservation back, because nobody looked at the answer, and returns the reason why.
func (f *Attempts) unchecked(ctx context.Context, t try, reservation string, reason error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	err := f.Store.Update(ctx, func(tx store.Tx) error {
		// The attempt may have been pushed out meanwhile; the count outlives it.
		a, found, err := tx.Attempts.Get(t.Attempt.ID)
		if err != nil {
			return err
		}
		if found {
			a.Wrong--
			if err := tx.Attempts.Put(a); err != nil {
				return err
			}
		}
		return f.settle(tx, t, reservation, lockout.Unchecked)
	})
	if err != nil {
		f.Logger.ErrorContext(ctx, "reservation can't be taken back; it counts as a failure",
			slog.String("attempt_id", t.Attempt.ID), slog.Any("error", err))
	}
	return reason
}

// settle says how a reserved answer fared.
func (f *Attempts) settle(tx store.Tx, t try, reservation string, outcome lockout.Outcome) error {
	key := f.Secrets.lockoutKey(t.Attempt.Canonical, attempt.Password)
	record, err := tx.Lockouts.Get(key)
	if err != nil {
		return err
	}
	record.Settle(reservation, outcome)
	return tx.Lockouts.Put(key, record, record.ForgetAt(t.rules.Lockout()))
}

// checkedPassword is what came of a check.
type checkedPassword struct {
	reservation string
	right       bool
	// breached: the password is right, and its owner must replace it.
	breached bool
	// withheld is why a right password leads nowhere for now; nil when it doesn't.
	withheld   error
	assessment attempt.Assessment
	// rehashed is the password under today's parameters; empty when it needs none.
	rehashed string
}

// outcome is what the count is told. A right password that is withheld counts as a failure: to know that it is right mustn't be free.
func (c checkedPassword) outcome() lockout.Outcome {
	if c.right && c.withheld == nil {
		return lockout.Right
	}
	return lockout.Wrong
}

// wrong is the failure to be told.
func (c checkedPassword) wrong(t try) wrong {
	return wrong{factor: attempt.Password, known: t.known, decisionID: c.assessment.DecisionID}
}

// settlePassword counts the answer for what it was, and moves the attempt on when it was right. It outlives the caller: whoever hangs up
// mustn't escape the count, nor lose a sign-in that was right.
func (f *Attempts) settlePassword(ctx context.Context, t try, c checkedPassword) (Progress, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	m := newMaterial(t.now)
	var p Progress
	var refused error
	err := f.Store.Update(ctx, func(tx store.Tx) error {
		refused = nil
		answered := t
		var err error
		if answered.unsuspected, err = f.unsuspected(tx, t, c.reservation); err != nil {
			return err
		}
		if err := f.settle(tx, t, c.reservation, c.outcome()); err != nil {
			return err
		}
		// Refused may mean that this answer's own reservation was the attempt's last: whether it is over shows once it is settled.
		standing, err := f.reopen(tx, t)
		if refusal(err) {
			refused = err // the attempt was pushed out or moved on meanwhile; the answer counts for what it was all the same
			return f.tellLost(tx, t, c, err)
		}
		if err != nil {
			return err
		}
		switch a := standing.Attempt; {
		case !a.Proofs.PasswordAt.IsZero():
			p = standing // a parallel answer came first, and its assessment stands
		case !c.right:
			p, err = f.fail(tx, a, t, c.wrong(t))
			t.fared(&p, attempt.Password, attempt.Wrong)
		case c.withheld != nil:
			refused = c.withheld
			err = f.withhold(tx, a, t, c)
		default:
			p, err = f.accept(tx, a, answered, c, m)
		}
		return err
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return Progress{}, fmt.Errorf("settle password: %w", err)
	}
	return p, nil
}

// accept moves the attempt on by a right password.
func (f *Attempts) accept(tx store.Tx, a attempt.Attempt, t try, c checkedPassword, m material) (Progress, error) {
	a.Epoch = t.user.Epoch // the password was right for the account as it was then
	if err := f.keepRehashed(tx, a, c.rehashed); err != nil {
		return Progress{}, err
	}
	if c.breached {
		if err := f.markBreached(tx, a, t); err != nil {
			return Progress{}, err
		}
	}
	a.Wrong--
	a.Proofs.PasswordAt = t.now
	a.Assessment = &c.assessment
	p, err := f.advance(tx, a, t, m)
	t.fared(&p, attempt.Password, attempt.Accepted)
	return p, err
}

// tellLost tells of an answer whose attempt is gone what it would be told of otherwise, a wrong one or one that was abandoned: whoever pushes out their
// own attempts while the hash is computed mustn't guess, or learn passwords, unnoticed. A right one that suffices may be the owner's second press.
func (f *Attempts) tellLost(tx store.Tx, t try, c checkedPassword, why error) error {
	a := t.Attempt
	switch {
	case !errors.Is(why, errAttemptNotFound):
		return nil
	case !c.right:
		return emitFailed(tx, a, c.wrong(t), t.now)
	}
	if err := stopLearningOf(tx, a); err != nil {
		return err
	}
	sufficed, err := f.sufficed(tx, a, t, c)
	if err != nil || sufficed {
		return err
	}
	a.Proofs.PasswordAt, a.Assessment = t.now, &c.assessment
	return discard(tx, a, t.now)
}

// sufficed says of a right password that led nowhere whether it would have let in whoever gave it by itself, with nobody told. Then most likely it was the owner,
// and whoever else has it and the device needs nothing of what the answer shows.
func (f *Attempts) sufficed(tx store.Tx, a attempt.Attempt, t try, c checkedPassword) (bool, error) {
	a.Proofs.PasswordAt, a.Epoch, a.Assessment, a.Wrong = t.now, t.user.Epoch, &c.assessment, 0
	facts, _, err := f.facts(tx, a, t.rules, t.now)
	step, _ := attempt.Next(a.Purpose, a.Proofs, facts)
	return err == nil && step == attempt.Done && !c.breached, err
}

// rehash makes the right password's form under today's parameters, if the pool has room: the next sign-in is as good a time.
func (f *Attempts) rehash(ctx context.Context, password secret.Text) string {
	ticket, err := f.Pool.Begin(credential.Known)
	if err != nil {
		return ""
	}
	defer ticket.Release()
	phc, err := ticket.Renew(ctx, password)
	if err != nil {
		return ""
	}
	return phc.Reveal()
}

// keepRehashed replaces the stored form, unless the password was changed meanwhile.
func (f *Attempts) keepRehashed(tx store.Tx, a attempt.Attempt, rehashed string) error {
	if rehashed == "" {
		return nil
	}
	user, found, err := tx.Users.Get(a.UserID)
	if err != nil || !found || user.Epoch != a.Epoch || user.Password == nil {
		return err
	}
	user.Password.PHC = rehashed
	return tx.Users.Put(user)
}

// answerNewPassword takes a password to be set at completion.
func (f *Attempts) answerNewPassword(ctx context.Context, t try, password secret.Text) (Progress, error) {
	rules := t.passwordRules()
	if problems := rules.Check(password); len(problems) > 0 {
		return Progress{}, unacceptable(problems)
	}
	if _, err := f.workBeforeHash(ctx, t, f.crowded(t)); err != nil {
		return Progress{}, err
	}
	if err := f.refuseSame(ctx, t, password); err != nil {
		return Progress{}, err
	}
	ticket, err := f.Pool.Begin(t.lane())
	if err != nil {
		return Progress{}, hashing(err)
	}
	defer ticket.Release()
	phc, problems, err := ticket.HashNew(ctx, password, rules, t.ownWords())
	if err != nil {
		return Progress{}, hashing(err)
	}
	if len(problems) > 0 {
		return Progress{}, unacceptable(problems)
	}
	// After the hash, because its worker judges the strength: what is too weak is nobody else's business.
	if err := f.refuseBreached(ctx, t, password); err != nil {
		return Progress{}, err
	}
	m := newMaterial(t.now)
	var p Progress
	err = f.Store.Update(ctx, func(tx store.Tx) (err error) {
		if p, err = f.reopen(tx, t); err != nil || p.Step == attempt.Refused {
			return err
		}
		a := p.Attempt
		a.Proofs.NewPassword = &attempt.HashedPassword{PHC: phc.Reveal()}
		p, err = f.advance(tx, a, t, m)
		t.fared(&p, attempt.Password, attempt.Accepted)
		return err
	})
	if err != nil {
		return Progress{}, fmt.Errorf("set new password: %w", err)
	}
	return f.grant(p, t.rules.SessionTokenLifetime)
}

// refuseSame refuses as its own replacement a password that somebody else knows.
func (f *Attempts) refuseSame(ctx context.Context, t try, password secret.Text) error {
	if !t.user.Password.Contained() && !t.user.Password.Compromised() {
		return nil
	}
	ticket, err := f.Pool.Begin(t.lane())
	if err != nil {
		return hashing(err)
	}
	defer ticket.Release()
	result, err := ticket.Verify(ctx, t.stored(), password)
	if err != nil {
		return hashing(err)
	}
	if result.OK {
		return passwordRefused(credential.Same, "must be another than the one before, which somebody else knows")
	}
	return nil
}

// passwordRules are what the policy asks of a new password.
func (t try) passwordRules() credential.Rules {
	return credential.Rules{
		MinLength: t.rules.PasswordMinLength,
		MaxLength: t.rules.PasswordMaxLength,
		Composition: credential.Composition{
			Lower: t.rules.PasswordNeedsLower, Upper: t.rules.PasswordNeedsUpper,
			Digit: t.rules.PasswordNeedsDigit, Symbol: t.rules.PasswordNeedsSymbol,
		},
		MinScore:     t.rules.PasswordMinScore,
		ContextWords: t.rules.PasswordContextWords,
	}
}

// ownWords are those that a guesser of this attempt's password would try: the address as it was typed here, and nothing
// of the account. A sign-up for a taken address must be told the same as for a free one.
func (t try) ownWords() []string { return []string{t.Attempt.Address} }
