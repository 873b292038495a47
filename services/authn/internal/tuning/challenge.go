package tuning

import "errors"

// SignUpChallenge is when a sign-up is asked for a proof of work.
type SignUpChallenge string

// When it is.
const (
	ChallengeAlways     SignUpChallenge = "always"
	ChallengeWhenRaised SignUpChallenge = "when_raised"
	ChallengeOff        SignUpChallenge = "off"
)

// The bounds of ChallengeDifficulty are those of risk, which makes the challenges.
const (
	minDifficulty     = 1_000
	defaultDifficulty = 50_000
	maxDifficulty     = 10_000_000
)

// SignUpChallenged says whether a sign-up must solve one; raised is risk's word for its network.
func (p Policy) SignUpChallenged(raised bool) bool {
	switch p.ChallengeSignUp {
	case ChallengeOff:
		return false
	case ChallengeWhenRaised:
		return raised
	case ChallengeAlways:
	}
	return true
}

// Difficulty is how hard a challenge is that takes so many times the usual work, as far as challenges go.
func (p Policy) Difficulty(effort int) int { return min(p.ChallengeDifficulty*effort, maxDifficulty) }

func (p Policy) challengeFaults() error {
	return errors.Join(
		oneOf("challenge_sign_up", p.ChallengeSignUp, ChallengeAlways, ChallengeWhenRaised, ChallengeOff),
		span("challenge_difficulty", p.ChallengeDifficulty, minDifficulty, maxDifficulty),
		span("challenge_after_failures", p.ChallengeAfterFailures, 0, 90),
	)
}
