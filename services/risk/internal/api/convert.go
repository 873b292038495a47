package api

import (
	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/geo"
	"github.com/doorward/doorward/services/risk/internal/score"
)

// purposeFrom reads a purpose that has passed the request's rules.
func purposeFrom(p riskv1.Purpose) decision.Purpose {
	switch p {
	case riskv1.Purpose_PURPOSE_SIGN_UP:
		return decision.SignUp
	case riskv1.Purpose_PURPOSE_SIGN_IN:
		return decision.SignIn
	default:
		return 0
	}
}

func purpose(p decision.Purpose) riskv1.Purpose {
	switch p {
	case decision.SignUp:
		return riskv1.Purpose_PURPOSE_SIGN_UP
	case decision.SignIn:
		return riskv1.Purpose_PURPOSE_SIGN_IN
	default:
		return riskv1.Purpose_PURPOSE_UNSPECIFIED
	}
}

// gate is unspecified for none: a signal of the account has no gate.
func gate(g score.Gate) riskv1.Gate {
	switch g {
	case score.Open:
		return riskv1.Gate_GATE_OPEN
	case score.Challenge:
		return riskv1.Gate_GATE_CHALLENGE
	case score.Block:
		return riskv1.Gate_GATE_BLOCK
	default:
		return riskv1.Gate_GATE_UNSPECIFIED
	}
}

// verdict is unspecified for none: a signal of the origin has no verdict.
func verdict(v score.Verdict) riskv1.Verdict {
	switch v {
	case score.Allow:
		return riskv1.Verdict_VERDICT_ALLOW
	case score.VerifyDevice:
		return riskv1.Verdict_VERDICT_VERIFY_DEVICE
	case score.Refuse:
		return riskv1.Verdict_VERDICT_REFUSE
	default:
		return riskv1.Verdict_VERDICT_UNSPECIFIED
	}
}

// place is empty where the country isn't known.
func place(c geo.Country) *typev1.Place {
	if !c.Known() {
		return &typev1.Place{}
	}
	return &typev1.Place{CountryCode: string(c), CountryName: c.Name()}
}
