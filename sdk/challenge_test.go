package doorward_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
)

// challengeOf is a challenge whose solution is a number.
func challengeOf(number, most int64) *typev1.Challenge {
	const salt = "0102?expires=1&purpose=sign_up&"
	sum := sha256.Sum256(fmt.Appendf(nil, "%s%d", salt, number))
	return &typev1.Challenge{Algorithm: "SHA-256", Challenge: hex.EncodeToString(sum[:]), Salt: salt, Signature: "signed", MaxNumber: most}
}

func challengeRequired(asked *typev1.Challenge) error {
	s, err := status.New(codes.ResourceExhausted, "solve it").WithDetails(&errdetails.ErrorInfo{Domain: "doorward", Reason: "CHALLENGE_REQUIRED"}, asked)
	if err != nil {
		panic(err)
	}
	return s.Err()
}

// solves reads a solution as authn's side does.
func solves(solution string, asked *typev1.Challenge) bool {
	text, err := base64.StdEncoding.DecodeString(solution)
	var said struct {
		Algorithm, Challenge, Salt, Signature string
		Number                                int64
	}
	if err != nil || json.Unmarshal(text, &said) != nil {
		return false
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s%d", said.Salt, said.Number))
	return said.Algorithm == asked.GetAlgorithm() && said.Challenge == asked.GetChallenge() && said.Salt == asked.GetSalt() &&
		said.Signature == asked.GetSignature() && hex.EncodeToString(sum[:]) == asked.GetChallenge()
}

func TestAClientSolvesTheChallengesOfAllItsCalls(t *testing.T) {
	server := &authn{asks: challengeOf(700, 1000)}
	dw, ctx := newClient(t, server, solving), t.Context()
	a, err := dw.SignUp(ctx, email, from)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.NewPassword(ctx, password), a.SendCode(ctx), a.Code(ctx, code)); err != nil {
		t.Fatal(err)
	}
	// The contract's stubs on its connection too.
	request := &authnv1.StartSignInRequest{Client: &typev1.ClientContext{Ip: "192.0.2.1"}, Email: email}
	if _, err := authnv1.NewAttemptServiceClient(dw.Conn()).StartSignIn(ctx, request); err != nil {
		t.Error(err)
	}
	if request.GetClient().GetChallengeSolution() != "" {
		t.Error("the caller's request was changed")
	}
	if server.calls != 10 {
		t.Errorf("%d calls, want two of each", server.calls)
	}
}

func solving(c *doorward.Config) { c.SolveChallenges = true }

func TestAChallengeIsHandedOnToTheBrowser(t *testing.T) {
	server := &authn{asks: challengeOf(7, 1000)}
	dw := newClient(t, server, nil)
	_, err := dw.SignUp(t.Context(), email, from)
	var asked *doorward.ChallengeError
	if !errors.As(err, &asked) || server.calls != 1 {
		t.Fatalf("err = %v after %d calls, want a challenge after one", err, server.calls)
	}
	if reason, ok := doorward.ReasonOf(err); !ok || reason != typev1.Reason_REASON_CHALLENGE_REQUIRED {
		t.Errorf("the reason is %v", reason)
	}
	var widget map[string]any
	if err := json.Unmarshal(asked.JSON(), &widget); err != nil {
		t.Fatal(err)
	}
	for member, want := range map[string]any{
		"algorithm": "SHA-256", "challenge": server.asks.GetChallenge(), "maxnumber": 1000.0, "salt": server.asks.GetSalt(), "signature": "signed",
	} {
		if widget[member] != want {
			t.Errorf("%s = %v, want %v", member, widget[member], want)
		}
	}
	solution, err := doorward.Solve(t.Context(), asked.Challenge(), doorward.DefaultMostWork) // what the widget does
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dw.SignUp(t.Context(), email, from.WithSolution(solution)); err != nil {
		t.Errorf("with its solution: %v", err)
	}
}

func TestWhatAClientCantSolveItHandsOn(t *testing.T) {
	for name, c := range map[string]struct {
		asks *typev1.Challenge
		most int64
		want error
	}{
		"too much work":       {challengeOf(7, 1001), 1000, doorward.ErrTooMuchWork},
		"no number solves it": {challengeOf(2000, 1000), 1000, doorward.ErrUnsolvable},
	} {
		t.Run(name, func(t *testing.T) {
			server := &authn{asks: c.asks}
			dw := newClient(t, server, func(config *doorward.Config) { config.SolveChallenges, config.MostWork = true, c.most })
			_, err := dw.SignIn(t.Context(), email, from)
			var asked *doorward.ChallengeError
			if reason, _ := doorward.ReasonOf(err); !errors.As(err, &asked) || !errors.Is(err, c.want) ||
				reason != typev1.Reason_REASON_CHALLENGE_REQUIRED || server.calls != 1 {
				t.Errorf("err = %v after %d calls", err, server.calls)
			}
		})
	}
}

// A server whose challenges never end is asked twice and no more.
func TestAClientSolvesOneChallengeForACall(t *testing.T) {
	server := &authn{fail: challengeRequired(challengeOf(7, 1000))}
	dw := newClient(t, server, solving)
	_, err := dw.SignIn(t.Context(), email, from)
	var asked *doorward.ChallengeError
	if !errors.As(err, &asked) || server.calls != 2 {
		t.Errorf("err = %v after %d calls", err, server.calls)
	}
}

func TestSolve(t *testing.T) {
	spoilt := func(change func(*typev1.Challenge)) *typev1.Challenge {
		c := challengeOf(7, 1000)
		change(c)
		return c
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		asks *typev1.Challenge
		want error
	}{
		"the first number":    {t.Context(), challengeOf(0, 1000), nil},
		"the last":            {t.Context(), challengeOf(1000, 1000), nil},
		"one too far":         {t.Context(), challengeOf(1001, 1000), doorward.ErrUnsolvable},
		"another algorithm":   {t.Context(), spoilt(func(c *typev1.Challenge) { c.Algorithm = "SHA-1" }), doorward.ErrUnsolvable},
		"no hash":             {t.Context(), spoilt(func(c *typev1.Challenge) { c.Challenge = "none" }), doorward.ErrUnsolvable},
		"a short hash":        {t.Context(), spoilt(func(c *typev1.Challenge) { c.Challenge = "00" }), doorward.ErrUnsolvable},
		"less than no work":   {t.Context(), spoilt(func(c *typev1.Challenge) { c.MaxNumber = -1 }), doorward.ErrUnsolvable},
		"none":                {t.Context(), nil, doorward.ErrUnsolvable},
		"too much":            {t.Context(), challengeOf(7, 5001), doorward.ErrTooMuchWork},
		"nobody who wants it": {canceled, challengeOf(4000, 5000), context.Canceled},
	} {
		solution, err := doorward.Solve(c.ctx, c.asks, 5000)
		if !errors.Is(err, c.want) || (err == nil) != solves(solution, c.asks) {
			t.Errorf("%s: %q, %v; want %v", name, solution, err, c.want)
		}
	}
}

// FuzzSolve works at whatever a server may send, within the bound, and what it calls a solution is one.
func FuzzSolve(f *testing.F) {
	good := challengeOf(7, 1000)
	f.Add(good.GetAlgorithm(), good.GetChallenge(), good.GetSalt(), good.GetSignature(), good.GetMaxNumber())
	f.Add("SHA-256", strings.Repeat("0", 64), "", "", int64(-1))
	f.Add("SHA-256", strings.Repeat("f", 64), "salt", "\xff", int64(1<<62))
	f.Fuzz(func(t *testing.T, algorithm, challenge, salt, signature string, most int64) {
		asked := &typev1.Challenge{Algorithm: algorithm, Challenge: challenge, Salt: salt, Signature: signature, MaxNumber: most}
		solution, err := doorward.Solve(t.Context(), asked, 2000)
		if err == nil && len(signature)+len(salt) < 200 && strings.ToValidUTF8(salt+signature, "") == salt+signature && challenge == strings.ToLower(challenge) &&
			!solves(solution, asked) {
			t.Errorf("%q doesn't solve it", solution)
		}
	})
}

func BenchmarkSolve(b *testing.B) {
	asked := challengeOf(25_000, 50_000) // what the default costs on average
	for b.Loop() {
		if _, err := doorward.Solve(b.Context(), asked, doorward.DefaultMostWork); err != nil {
			b.Fatal(err)
		}
	}
}
