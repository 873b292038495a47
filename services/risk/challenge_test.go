package risk_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	altcha "github.com/altcha-org/altcha-lib-go"

	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

const (
	signUp = riskv1.ChallengePurpose_CHALLENGE_PURPOSE_SIGN_UP
	signIn = riskv1.ChallengePurpose_CHALLENGE_PURPOSE_SIGN_IN
)

// issue has a challenge made, as authn.
func (d *deployment) issue(purpose riskv1.ChallengePurpose) *typev1.Challenge {
	d.Helper()
	return d.issueFor(purpose, "")
}

// issueFor has one made for a try that is sent away to solve it.
func (d *deployment) issueFor(purpose riskv1.ChallengePurpose, decisionID string) *typev1.Challenge {
	d.Helper()
	made, err := riskv1.NewChallengeServiceClient(d.dial("authn")).IssueChallenge(deadline(d), &riskv1.IssueChallengeRequest{
		Purpose: purpose, Difficulty: 1000, DecisionId: decisionID,
	})
	must(d, err)
	return made.GetChallenge()
}

func (d *deployment) redeem(purpose riskv1.ChallengePurpose, solution string) riskv1.Redemption {
	d.Helper()
	answer, err := riskv1.NewChallengeServiceClient(d.dial("authn")).RedeemSolution(deadline(d), &riskv1.RedeemSolutionRequest{
		Purpose: purpose, Solution: solution,
	})
	must(d, err)
	return answer.GetRedemption()
}

// solve does a browser's work with the protocol's own library.
func solve(t *testing.T, c *typev1.Challenge) string {
	t.Helper()
	found, err := altcha.SolveChallengeSafe(c.GetChallenge(), c.GetSalt(), altcha.Algorithm(c.GetAlgorithm()), int(c.GetMaxNumber()), 0, nil)
	if err != nil || found == nil {
		t.Fatalf("no number solves it: %v", err)
	}
	text, err := json.Marshal(altcha.Payload{
		Algorithm: c.GetAlgorithm(), Challenge: c.GetChallenge(), Number: int64(found.Number), Salt: c.GetSalt(), Signature: c.GetSignature(),
	})
	must(t, err)
	return base64.StdEncoding.EncodeToString(text)
}

func TestASolutionIsTakenOnceAndForItsPurpose(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	made := d.issue(signUp)
	if made.GetMaxNumber() != 1000 || !made.GetExpiresAt().AsTime().After(d.clock.now()) {
		t.Errorf("a challenge of %d hashes until %v", made.GetMaxNumber(), made.GetExpiresAt().AsTime())
	}
	solution := solve(t, made)
	for _, try := range []struct {
		purpose  riskv1.ChallengePurpose
		solution string
		want     riskv1.Redemption
	}{
		{signIn, solution, riskv1.Redemption_REDEMPTION_ELSEWHERE},
		{signUp, solution, riskv1.Redemption_REDEMPTION_TAKEN},
		{signUp, solution, riskv1.Redemption_REDEMPTION_SPENT},
		{signUp, "junk", riskv1.Redemption_REDEMPTION_UNSOLVED},
	} {
		if got := d.redeem(try.purpose, try.solution); got != try.want {
			t.Errorf("%v for %v = %v, want %v", try.solution[:4], try.purpose, got, try.want)
		}
	}
	easy, err := riskv1.NewChallengeServiceClient(d.dial("authn")).RedeemSolution(deadline(d), &riskv1.RedeemSolutionRequest{
		Purpose: signIn, Solution: solve(t, d.issue(signIn)), LeastDifficulty: 1001,
	})
	if err != nil || easy.GetRedemption() != riskv1.Redemption_REDEMPTION_EASY {
		t.Errorf("of 1000 hashes where 1001 are due: %v, %v", easy.GetRedemption(), err)
	}
	late := solve(t, d.issue(signUp))
	d.clock.forward(time.Hour)
	if got := d.redeem(signUp, late); got != riskv1.Redemption_REDEMPTION_EXPIRED {
		t.Errorf("an hour later: %v", got)
	}
	if n := d.metric("doorward_risk_challenges_issued_total", "purpose", "sign_up"); n != 2 {
		t.Errorf("%v challenges are counted", n)
	}
	for _, result := range []string{"taken", "spent", "unsolved", "elsewhere", "easy", "expired"} {
		if n := d.metric("doorward_risk_solutions_total", "result", result); n != 1 {
			t.Errorf("%v solutions are counted as %s", n, result)
		}
	}
}

// Each sign-in at a raised gate is two tries: one that is sent away to solve a challenge, and one with the solution.
func TestWhoSolvesTheGatesChallengeIsCountedOnce(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	const raised, high = 30, 150
	try := func(n int) *riskv1.AssessResponse {
		return d.assess(func(r *riskv1.AssessRequest) { r.UserId, r.AccountKey = "", key(fmt.Sprint("account ", n)) })
	}
	for n := range raised {
		try(n)
	}
	for n := range high - raised - 20 { // counted twice, they would be blocked halfway
		sent := try(raised + n)
		d.wantAnswer(sent, challenge, allow, "failures.ip")
		solution := solve(t, d.issueFor(signIn, sent.GetDecisionId()))
		d.redeem(signIn, solution)
		d.wantAnswer(try(raised+n), challenge, allow, "failures.ip")
		if got := d.redeem(signIn, solution); got != riskv1.Redemption_REDEMPTION_SPENT {
			t.Fatalf("redeemed twice: %v", got)
		}
	}
	for n := range 20 { // these never come back, and count
		sent := try(high + n)
		d.wantAnswer(sent, challenge, allow, "failures.ip")
		d.issueFor(signIn, sent.GetDecisionId())
	}
	d.wantAnswer(try(0), block, allow, "failures.ip")
}

func TestARestartVoidsChallengesSoThatNoneIsTakenTwice(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	solution := solve(t, d.issue(signUp))
	if got := d.redeem(signUp, solution); got != riskv1.Redemption_REDEMPTION_TAKEN {
		t.Fatal(got)
	}
	d.stop()
	d.start()
	if got := d.redeem(signUp, solution); got != riskv1.Redemption_REDEMPTION_UNSOLVED {
		t.Errorf("after a restart: %v", got)
	}
}

func TestBadChallengeRequestsAreRefusedByTheField(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	client := riskv1.NewChallengeServiceClient(d.dial("authn"))
	for field, call := range map[string]func() error{
		"purpose": func() error {
			_, err := client.IssueChallenge(deadline(t), &riskv1.IssueChallengeRequest{Difficulty: 1000})
			return err
		},
		"decision_id": func() error {
			_, err := client.IssueChallenge(deadline(t), &riskv1.IssueChallengeRequest{Purpose: signIn, Difficulty: 1000, DecisionId: "dec_1&try=dec_2"})
			return err
		},
		"difficulty": func() error {
			_, err := client.IssueChallenge(deadline(t), &riskv1.IssueChallengeRequest{Purpose: signIn, Difficulty: 999})
			return err
		},
		"least_difficulty": func() error {
			_, err := client.RedeemSolution(deadline(t), &riskv1.RedeemSolutionRequest{Purpose: signIn, Solution: "AAAA", LeastDifficulty: 10_000_001})
			return err
		},
		"solution": func() error {
			_, err := client.RedeemSolution(deadline(t), &riskv1.RedeemSolutionRequest{Purpose: signIn, Solution: strings.Repeat("A", 1025)})
			return err
		},
	} {
		f, ok := fault.As(call())
		if !ok || f.Kind != fault.Invalid || len(f.Fields) != 1 || f.Fields[0].Name != field {
			t.Errorf("bad %s: %v", field, f)
		}
	}
}
