package authn_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	doorward "github.com/doorward/doorward/sdk"
)

// challengedBy is the challenge that a refusal carries.
func challengedBy(t *testing.T, err error) *typev1.Challenge {
	t.Helper()
	refused(t, err, fault.Exhausted, typev1.Reason_REASON_CHALLENGE_REQUIRED)
	asked := fault.ChallengeOf(err)
	if asked == nil {
		t.Fatal("it carries no challenge")
	}
	return asked
}

// with is the client with the solution of a challenge.
func with(t *testing.T, on *typev1.ClientContext, asked *typev1.Challenge) *typev1.ClientContext {
	t.Helper()
	solution, err := doorward.Solve(t.Context(), asked, leastWork)
	if err != nil {
		t.Fatal(err)
	}
	on = proto.CloneOf(on)
	on.ChallengeSolution = solution
	return on
}

func TestASignUpCarriesItsChallengeAndTakesItsSolutionOnce(t *testing.T) {
	w := newWorld(t)
	w.tune(func(p *authnv1.Policy) { p.ChallengeDifficulty = 4321 })
	app := w.application()
	start := func(on *typev1.ClientContext) error {
		_, err := app.attempts.StartSignUp(t.Context(), &authnv1.StartSignUpRequest{Client: on, Email: "ada@example.org"})
		return err
	}
	on := with(t, laptop(), challengedBy(t, start(laptop())))
	w.must(start(on))
	challengedBy(t, start(on))
	w.risk.mu.Lock()
	defer w.risk.mu.Unlock()
	for _, asked := range w.risk.issued {
		if asked.GetPurpose() != riskv1.ChallengePurpose_CHALLENGE_PURPOSE_SIGN_UP || asked.GetDifficulty() != 4321 {
			t.Errorf("risk was asked for %v", asked)
		}
	}
}

func TestASolvedChallengeOpensRisksGate(t *testing.T) {
	w := newWorld(t)
	app := w.application()
	w.risk.judge(riskv1.Gate_GATE_CHALLENGE, riskv1.Verdict_VERDICT_ALLOW)
	hashes := w.metric("doorward_authn_password_hashes_total")
	x := app.startSignIn(stranger(), "nobody@example.org")
	x.on = with(t, x.on, challengedBy(t, x.password(wrongPassword)))
	x.at(authnv1.Step_STEP_FIRST_FACTOR, x.password(wrongPassword))
	if spent := w.metric("doorward_authn_password_hashes_total") - hashes; spent != 1 {
		t.Errorf("%v hashes for one answer that was looked at", spent)
	}
}

// A challenge that is turned off, and on again, is so without a restart.
func TestWhetherASignUpIsChallengedIsPolicy(t *testing.T) {
	w := newWorld(t)
	app := w.application()
	start := func() error {
		_, err := app.attempts.StartSignUp(t.Context(), &authnv1.StartSignUpRequest{Client: laptop(), Email: "ada@example.org"})
		return err
	}
	challengedBy(t, start())
	w.unchallenged()
	w.must(start())
}

func TestNoSignUpIsBegunWhileRiskMakesNoChallenge(t *testing.T) {
	w := newWorld(t)
	app := w.application()
	w.risk.stop()
	_, err := app.attempts.StartSignUp(t.Context(), &authnv1.StartSignUpRequest{Client: laptop(), Email: "ada@example.org"})
	refused(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
	if fault.RetryAfterOf(err) <= 0 {
		t.Error("nobody says when to try again")
	}
}
