package load

import (
	"context"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
)

// pause is between two tries of a call.
const pause = 200 * time.Millisecond

// lost says that an error leaves open what happened: the call got no answer, or one that says that something broke.
func lost(err error) bool {
	if err == nil {
		return false
	}
	reason, ok := doorward.ReasonOf(err)
	return !ok || reason == typev1.Reason_REASON_INTERNAL || reason == typev1.Reason_REASON_UNAVAILABLE
}

// busy says that an error is a refusal for the moment.
func busy(err error) bool {
	reason, _ := doorward.ReasonOf(err)
	return reason == typev1.Reason_REASON_OVERLOADED || reason == typev1.Reason_REASON_RATE_LIMITED
}

func ended(err error) bool {
	reason, _ := doorward.ReasonOf(err)
	return reason == typev1.Reason_REASON_SESSION_ENDED
}

// insist repeats a call that may be made twice until it has an answer, for as long as it is worth it.
func insist[T any](ctx context.Context, most time.Duration, call func(context.Context) (T, error)) (T, error) {
	for began := time.Now(); ; {
		answer, err := call(ctx)
		if !lost(err) || time.Since(began) > most || !wait(ctx, pause) {
			return answer, err
		}
	}
}

// wait is false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// giveUp writes down an operation that ended before its deciding call.
func (g *Generator) giveUp(kind Kind, email string, err error) {
	outcome := Refused
	if lost(err) {
		outcome = GivenUp
	}
	g.Ledger.lose(Loss{Kind: kind, Outcome: outcome, Email: email, At: time.Now(), Err: err.Error()})
}

// loseTrack writes down an operation whose deciding call got no answer.
func (g *Generator) loseTrack(kind Kind, email, sessionID string, err error) {
	g.Ledger.lose(Loss{Kind: kind, Outcome: Unknown, Email: email, SessionID: sessionID, At: time.Now(), Err: err.Error()})
}
