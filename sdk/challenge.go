package doorward

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
)

// DefaultMostWork is the hardest challenge that a client solves, in hashes: a fraction of a second on one core.
const DefaultMostWork = 1_000_000

// ChallengeError is the failure of a call that needs a proof of work first. It reads as CHALLENGE_REQUIRED to ReasonOf.
//
// Hand JSON on to the user's browser, and make the call again with the widget's answer:
//
//	var challenge *doorward.ChallengeError
//	if errors.As(err, &challenge) { … challenge.JSON() … }
//	// in the browser's next request
//	dw.SignUp(ctx, email, doorward.FromHTTP(r).WithSolution(r.FormValue("altcha")))
type ChallengeError struct {
	asked *typev1.Challenge
	err   error
}

// Error says what the call failed for.
func (e *ChallengeError) Error() string { return e.err.Error() }

// Unwrap gives the call's own error, and where the client tried and failed to solve the challenge, why.
func (e *ChallengeError) Unwrap() error { return e.err }

// Challenge is what must be solved.
func (e *ChallengeError) Challenge() *typev1.Challenge { return e.asked }

// ExpiresAt is from when a solution is too late.
func (e *ChallengeError) ExpiresAt() time.Time { return e.asked.GetExpiresAt().AsTime() }

// JSON is the challenge as the ALTCHA protocol's widget takes it. It may be put into a page as it is: HTML's own characters are escaped.
func (e *ChallengeError) JSON() []byte {
	text, err := json.Marshal(struct {
		Algorithm string `json:"algorithm"`
		Challenge string `json:"challenge"`
		MaxNumber int64  `json:"maxnumber"`
		Salt      string `json:"salt"`
		Signature string `json:"signature"`
	}{
		e.asked.GetAlgorithm(), e.asked.GetChallenge(), e.asked.GetMaxNumber(), e.asked.GetSalt(), e.asked.GetSignature(),
	})
	if err != nil {
		panic("doorward: strings and a number have no JSON: " + err.Error()) // encoding/json takes any
	}
	return text
}

// challengeOf is the challenge that a failure carries; nil when there is none.
func challengeOf(err error) *typev1.Challenge {
	for _, detail := range details(err) {
		if asked, ok := detail.(*typev1.Challenge); ok {
			return asked
		}
	}
	return nil
}

// spoken is a request on whose behalf somebody is spoken for.
type spoken interface {
	proto.Message
	GetClient() *typev1.ClientContext
}

// solving makes a call again, once, with the solution of the challenge that it was refused for. What it may not or can't solve is a *ChallengeError.
func solving(solve bool, most int64) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		err := invoke(ctx, method, request, reply, conn, options...)
		asked := challengeOf(err)
		if asked == nil {
			return err
		}
		original, ok := request.(spoken)
		if !solve || !ok || original.GetClient() == nil {
			return &ChallengeError{asked: asked, err: err}
		}
		solution, unsolved := Solve(ctx, asked, most)
		if unsolved != nil {
			return &ChallengeError{asked: asked, err: errors.Join(err, unsolved)}
		}
		again, ok := proto.Clone(original).(spoken)
		if !ok {
			return &ChallengeError{asked: asked, err: err}
		}
		again.GetClient().ChallengeSolution = solution
		err = invoke(ctx, method, again, reply, conn, options...)
		if asked := challengeOf(err); asked != nil {
			return &ChallengeError{asked: asked, err: err}
		}
		return err
	}
}
