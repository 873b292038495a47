package flow

import (
	"context"
	"fmt"
	"time"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/lockout"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// Answer is an answer to a step. Exactly one of the fields is set.
type Answer struct {
	Password, NewPassword, Code secret.Text
}

// fits says whether a step takes this answer.
func (a Answer) fits(step attempt.Step) bool {
	switch step {
	case attempt.FirstFactor:
		return !a.Password.IsZero()
	case attempt.NewPassword:
		return !a.NewPassword.IsZero()
	case attempt.EmailVerification, attempt.DeviceVerification:
		return !a.Code.IsZero()
	case attempt.Done, attempt.Refused:
	}
	return false
}

// Continue takes an answer to the attempt's current step.
func (f *Attempts) Continue(ctx context.Context, t Ticket, answer Answer) (p Progress, err error) {
	now, rules := f.Now(), f.Policy(ctx)
	s, err := f.stand(ctx, t, rules, now)
	if err != nil || s.Step == attempt.Refused {
		return s.Progress, f.inVain(methodAnswer, t, "", rules.RateNetworkAnswers, err)
	}
	defer func() { f.Metrics.answered(s.Progress, p, err) }()
	if !answer.fits(s.Step) {
		return Progress{}, f.inVain(methodAnswer, t, "", rules.RateNetworkAnswers, stepMismatch(s.Step))
	}
	try := try{ticket: t, state: s, rules: rules, now: now}
	if err := f.paceStep(methodAnswer, try); err != nil {
		return Progress{}, fmt.Errorf("continue attempt: %w", err)
	}
	if s.Attempt.Purpose == attempt.SignUp {
		entrance, err := f.door(ctx, rules)
		if err != nil {
			return Progress{}, err
		}
		try.entrance = &entrance
	}
	switch s.Step {
	case attempt.FirstFactor:
		return f.answerPassword(ctx, try, answer.Password)
	case attempt.NewPassword:
		return f.answerNewPassword(ctx, try, answer.NewPassword)
	default:
		return f.answerCode(ctx, try, answer.Code)
	}
}

// try is one call of Continue.
type try struct {
	ticket Ticket
	state
	rules tuning.Policy
	now   time.Time
	// entrance is whether a sign-up may be done; nil for a sign-in.
	entrance *door
	// worked says that a challenge was solved for this call: no second is asked for.
	worked bool
	// unsuspected: this answer was the right password, and nobody had failed on the identifier of late.
	unsuspected bool
}

// who is whose row of failures the try counts in.
func (t try) who() lockout.Who {
	if t.known {
		return lockout.Known
	}
	return lockout.Strangers
}

// tooManyFailures refuses a try. How long the wait is, only those learn who have shown that they are, or are likely to be, the account's owner.
func (t try) tooManyFailures(v lockout.Verdict) error {
	if v.RetryIn > 0 && (t.known || !t.Attempt.Proofs.PasswordAt.IsZero()) {
		return errTooManyFailures.RetryIn(v.RetryIn)
	}
	return errTooManyFailures
}

// reopen reads the attempt again inside the transaction that will change it. It stands at the step that the answer was for, or is refused.
func (f *Attempts) reopen(tx store.Tx, t try) (Progress, error) {
	a, err := open(tx, t.ticket, t.now)
	if err != nil {
		return Progress{}, err
	}
	p, _, err := f.look(tx, a, t.rules, t.now)
	if err != nil {
		return Progress{}, err
	}
	if p.Step != t.Step && p.Step != attempt.Refused {
		return Progress{}, stepMismatch(p.Step)
	}
	return p, nil
}

// advance keeps an attempt that has a new proof, and completes it if nothing more is needed.
func (f *Attempts) advance(tx store.Tx, a attempt.Attempt, t try, m material) (Progress, error) {
	facts, user, err := f.facts(tx, a, t.rules, t.now)
	if err != nil {
		return Progress{}, err
	}
	if facts.Learning, err = t.learns(tx, a, user); err != nil {
		return Progress{}, err
	}
	p := Progress{Attempt: a}
	if p.Step, p.Refusal = attempt.Next(a.Purpose, a.Proofs, facts); p.Step != attempt.Done {
		if err := stopLearning(tx, user); err != nil {
			return Progress{}, err
		}
		return p, tx.Attempts.Put(a)
	}
	return f.complete(tx, completion{
		Progress: p, user: user, learned: facts.Learning, entrance: t.entrance, rules: t.rules, now: t.now, material: m,
	})
}

// fail keeps an attempt after a wrong answer, and says where it stands.
func (f *Attempts) fail(tx store.Tx, a attempt.Attempt, t try, w wrong) (Progress, error) {
	if err := tx.Attempts.Put(a); err != nil {
		return Progress{}, err
	}
	if err := emitFailed(tx, a, w, t.now); err != nil {
		return Progress{}, err
	}
	p, _, err := f.look(tx, a, t.rules, t.now)
	return p, err
}

// fared notes how the answer fared.
func (t try) fared(p *Progress, factor attempt.Factor, outcome attempt.Outcome) {
	p.Answer = &Fared{Factor: factor, Outcome: outcome, AnswersLeft: p.Attempt.AnswersLeft(t.rules.AttemptAnswers)}
}
