package flow

import (
	"context"
	"errors"
	"log/slog"

	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// ErrNoTime is an Assessor's word that the caller hung up, or left less time than risk is given. That says nothing of risk.
var ErrNoTime = errors.New("flow: the caller left no time to ask risk")

// judge asks risk about a sign-in, and applies the gate. When risk doesn't answer, the sign-in goes on without it: authn asks for device
// verification on every device that isn't known in any case. A caller who didn't wait for the answer goes nowhere: otherwise whoever hangs
// up in time, or comes with a short deadline, would choose not to be judged.
func (f *Attempts) judge(ctx context.Context, t try) (Judgement, error) {
	answer, err := f.Assess(ctx, question(t.Attempt, t.known))
	switch {
	case err != nil && ctx.Err() != nil:
		return Judgement{}, ctx.Err()
	case errors.Is(err, ErrNoTime):
		return Judgement{}, err
	case err != nil:
		f.Logger.WarnContext(ctx, "risk did not answer; unknown devices are verified, known ones are not",
			slog.String("attempt_id", t.Attempt.ID), slog.Any("error", err))
		return Judgement{Gate: GateOpen, Assessment: attempt.Assessment{Verdict: attempt.Allow}}, nil
	}
	return answer, f.throughGate(ctx, t, answer)
}

// throughGate lets a sign-in on. Who has solved a challenge for this answer already isn't asked for another.
func (f *Attempts) throughGate(ctx context.Context, t try, answer Judgement) error {
	switch {
	case answer.Gate == GateOpen, answer.Gate == GateChallenge && t.worked:
		return nil
	case answer.Gate == GateChallenge:
		return f.challengedFor(ctx, t.ticket.Client, WorkSignIn, answer.Assessment.DecisionID)
	}
	return errBlocked
}

// gateSignUp asks risk before a sign-up begins. Without an answer there is no sign-up: whether a challenge is due can't be known. Where each has to solve
// one it comes first: risk counts those that it judged as failed until they have come to an end.
func (f *Attempts) gateSignUp(ctx context.Context, client Client, a *attempt.Attempt, rules tuning.Policy) error {
	always := rules.SignUpChallenged(false)
	if always {
		if err := f.challenged(ctx, client, WorkSignUp); err != nil {
			return err
		}
	}
	answer, err := f.Assess(ctx, question(*a, false))
	if err != nil {
		return errRiskDown.Because(err)
	}
	a.Assessment = &answer.Assessment
	raised := answer.Gate == GateChallenge
	switch {
	case answer.Gate != GateOpen && !raised:
		return errBlocked
	case !always && rules.SignUpChallenged(raised):
		return f.challengedFor(ctx, client, WorkSignUp, answer.Assessment.DecisionID)
	}
	return nil
}

// question is what risk is asked about an attempt.
func question(a attempt.Attempt, known bool) Question {
	q := Question{
		Purpose:     a.Purpose,
		AttemptID:   a.ID,
		AccountKey:  a.AccountKey,
		IP:          a.Origin.IP,
		UserAgent:   a.Origin.UserAgent,
		KnownDevice: known,
	}
	if a.Purpose == attempt.SignIn {
		q.UserID = a.UserID
	}
	return q
}
