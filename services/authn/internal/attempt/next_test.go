package attempt_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/authn/internal/attempt"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// What an attempt can have proved.
var (
	nothing     = attempt.Proofs{}
	password    = attempt.Proofs{PasswordAt: noon}
	code        = attempt.Proofs{EmailCodeAt: noon}
	both        = attempt.Proofs{PasswordAt: noon, EmailCodeAt: noon}
	newPassword = attempt.Proofs{NewPassword: &attempt.HashedPassword{PHC: "$argon2id$"}}
	signedUp    = attempt.Proofs{NewPassword: newPassword.NewPassword, EmailCodeAt: noon}
	unchecked   = attempt.Proofs{PasswordAt: noon, NewPassword: newPassword.NewPassword}
	recovered   = attempt.Proofs{PasswordAt: noon, EmailCodeAt: noon, NewPassword: newPassword.NewPassword}
)

// The facts about who asks.
var (
	stranger          = attempt.Facts{Verdict: attempt.Allow}
	owner             = attempt.Facts{Verdict: attempt.Allow, KnownDevice: true}
	unassessed        = attempt.Facts{KnownDevice: true}
	refused           = attempt.Facts{Verdict: attempt.Refuse, KnownDevice: true}
	containedStranger = attempt.Facts{Verdict: attempt.Allow, Contained: true}
	containedOwner    = attempt.Facts{Verdict: attempt.Allow, Contained: true, KnownDevice: true}
	leakedStranger    = attempt.Facts{Verdict: attempt.Allow, Compromised: true}
	leakedOwner       = attempt.Facts{Verdict: attempt.Allow, Compromised: true, KnownDevice: true}
	learning          = attempt.Facts{Verdict: attempt.Allow, Learning: true}
	learningUnasked   = attempt.Facts{Learning: true}
	locked            = attempt.Facts{Verdict: attempt.Allow, Locked: true, KnownDevice: true}
	banned            = attempt.Facts{Verdict: attempt.Allow, Banned: true, Locked: true, KnownDevice: true}
)

func TestNextOfASignIn(t *testing.T) {
	for name, c := range map[string]struct {
		proofs attempt.Proofs
		facts  attempt.Facts
		want   attempt.Step
		why    attempt.Refusal
	}{
		"nothing proved":                       {nothing, owner, attempt.FirstFactor, ""},
		"nothing proved, refused by risk":      {nothing, refused, attempt.FirstFactor, ""},
		"nothing proved, contained":            {nothing, containedStranger, attempt.FirstFactor, ""},
		"a code before the password":           {code, owner, attempt.FirstFactor, ""},
		"a new password before the old":        {newPassword, owner, attempt.FirstFactor, ""},
		"the password, known device":           {password, owner, attempt.Done, ""},
		"the password, unknown device":         {password, stranger, attempt.DeviceVerification, ""},
		"the password, while learning":         {password, learning, attempt.Done, ""},
		"nothing proved, while learning":       {nothing, learning, attempt.FirstFactor, ""},
		"while learning, risk wants a check":   {password, learningUnasked, attempt.DeviceVerification, ""},
		"both, unknown device":                 {both, stranger, attempt.Done, ""},
		"the password, not assessed":           {password, unassessed, attempt.DeviceVerification, ""},
		"both, not assessed":                   {both, unassessed, attempt.Done, ""},
		"the password, refused by risk":        {password, refused, attempt.Refused, attempt.RiskRefused},
		"both, refused by risk":                {both, refused, attempt.Refused, attempt.RiskRefused},
		"a verdict that nobody knows":          {both, attempt.Facts{Verdict: "later release", KnownDevice: true}, attempt.Refused, attempt.RiskRefused},
		"contained, unknown device":            {password, containedStranger, attempt.Refused, attempt.PasswordContained},
		"contained, unknown device, all given": {recovered, containedStranger, attempt.Refused, attempt.PasswordContained},
		"contained, known device":              {password, containedOwner, attempt.EmailVerification, ""},
		"contained, a new password too early":  {unchecked, containedOwner, attempt.EmailVerification, ""},
		"contained, known device, code":        {both, containedOwner, attempt.NewPassword, ""},
		"contained, known device, all given":   {recovered, containedOwner, attempt.Done, ""},
		"compromised, known device":            {password, leakedOwner, attempt.EmailVerification, ""},
		"compromised, unknown device":          {password, leakedStranger, attempt.DeviceVerification, ""},
		"compromised, code":                    {both, leakedStranger, attempt.NewPassword, ""},
		"compromised, new password too early":  {unchecked, leakedStranger, attempt.DeviceVerification, ""},
		"compromised, all given":               {recovered, leakedStranger, attempt.Done, ""},
		"locked, nothing proved":               {nothing, locked, attempt.FirstFactor, ""},
		"locked":                               {password, locked, attempt.Refused, attempt.AccountLocked},
		"locked, all given":                    {recovered, locked, attempt.Refused, attempt.AccountLocked},
		"banned":                               {both, banned, attempt.Refused, attempt.AccountBanned},
		"over":                                 {both, attempt.Facts{Verdict: attempt.Allow, KnownDevice: true, Over: true}, attempt.Refused, attempt.Over},
		"over before it began":                 {nothing, attempt.Facts{Over: true}, attempt.Refused, attempt.Over},
	} {
		t.Run(name, func(t *testing.T) {
			if got, why := attempt.Next(attempt.SignIn, c.proofs, c.facts); got != c.want || why != c.why {
				t.Errorf("Next = %s, %q; want %s, %q", got, why, c.want, c.why)
			}
		})
	}
}

func TestNextOfASignUp(t *testing.T) {
	for name, c := range map[string]struct {
		proofs attempt.Proofs
		facts  attempt.Facts
		want   attempt.Step
		why    attempt.Refusal
	}{
		"nothing proved":              {nothing, attempt.Facts{}, attempt.NewPassword, ""},
		"a code before the password":  {code, attempt.Facts{}, attempt.NewPassword, ""},
		"a password":                  {newPassword, attempt.Facts{}, attempt.EmailVerification, ""},
		"a password and the code":     {signedUp, attempt.Facts{}, attempt.Done, ""},
		"a sign-in's proofs":          {both, owner, attempt.NewPassword, ""},
		"over, with everything given": {signedUp, attempt.Facts{Over: true}, attempt.Refused, attempt.Over},
	} {
		t.Run(name, func(t *testing.T) {
			if got, why := attempt.Next(attempt.SignUp, c.proofs, c.facts); got != c.want || why != c.why {
				t.Errorf("Next = %s, %q; want %s, %q", got, why, c.want, c.why)
			}
		})
	}
}

func TestAnUnknownPurposeIsRefused(t *testing.T) {
	for _, purpose := range []attempt.Purpose{"", "recovery", "SIGN_IN"} {
		if got, _ := attempt.Next(purpose, recovered, owner); got != attempt.Refused {
			t.Errorf("%q: Next = %s", purpose, got)
		}
	}
}

func TestKnowingNothingIsNeverDone(t *testing.T) {
	for _, proofs := range []attempt.Proofs{nothing, password, code, newPassword, unchecked} {
		for _, purpose := range []attempt.Purpose{attempt.SignUp, attempt.SignIn} {
			if got, _ := attempt.Next(purpose, proofs, attempt.Facts{}); got == attempt.Done {
				t.Errorf("%s with %+v is done", purpose, proofs)
			}
		}
	}
}

// anyProofs and anyFacts draw what may stand in a store, also what no flow would write.
func anyProofs(t *rapid.T) attempt.Proofs {
	var p attempt.Proofs
	if rapid.Bool().Draw(t, "password") {
		p.PasswordAt = noon
	}
	if rapid.Bool().Draw(t, "code") {
		p.EmailCodeAt = noon
	}
	if rapid.Bool().Draw(t, "new password") {
		p.NewPassword = &attempt.HashedPassword{PHC: "$argon2id$"}
	}
	return p
}

func anyFacts(t *rapid.T) attempt.Facts {
	return attempt.Facts{
		KnownDevice: rapid.Bool().Draw(t, "known device"),
		Contained:   rapid.Bool().Draw(t, "contained"),
		Verdict:     rapid.SampledFrom([]attempt.Verdict{attempt.VerifyDevice, attempt.Allow, attempt.Refuse, "unknown"}).Draw(t, "verdict"),
		Over:        rapid.Bool().Draw(t, "over"),
		Compromised: rapid.Bool().Draw(t, "compromised"),
		Locked:      rapid.Bool().Draw(t, "locked"),
		Banned:      rapid.Bool().Draw(t, "banned"),
		Learning:    rapid.Bool().Draw(t, "learning"),
	}
}

// What must hold of every decision, in the words of the design.
func TestNextKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		proofs, facts := anyProofs(t), anyFacts(t)
		purpose := rapid.SampledFrom([]attempt.Purpose{attempt.SignUp, attempt.SignIn}).Draw(t, "purpose")
		step, why := attempt.Next(purpose, proofs, facts)

		promise := func(holds bool, sentence string) {
			if !holds {
				t.Errorf("%s: %s of %+v with %+v gives %s, %q", sentence, purpose, proofs, facts, step, why)
			}
		}
		coded, setsPassword := !proofs.EmailCodeAt.IsZero(), proofs.NewPassword != nil
		promise((step == attempt.Refused) == (why != ""), "a refusal has a reason, and nothing else has")
		promise(!facts.Over || step == attempt.Refused, "what is over is refused")
		promise(attempt.Step("") != step, "there is always a step")
		if purpose == attempt.SignUp {
			promise(step != attempt.Done || coded && setsPassword, "sign-up takes a password and the code")
			return
		}
		guessed := proofs.PasswordAt.IsZero()
		promise(!guessed || step == attempt.FirstFactor || why == attempt.Over, "before the password is right, the account decides nothing")
		promise(step != attempt.Done || !guessed, "no sign-in without the password")
		promise(step != attempt.Done || coded || (facts.KnownDevice || facts.Learning) && facts.Verdict == attempt.Allow,
			"a device that isn't known takes a code, but where it is learned")
		promise(step != attempt.Done || !facts.Contained || facts.KnownDevice && coded && setsPassword, "a contained password opens no session")
		promise(step != attempt.Done || !facts.Compromised || coded && setsPassword, "a compromised password is replaced")
		promise(step != attempt.Done || !facts.Locked && !facts.Banned, "who is locked or banned doesn't get in")
		promise(step != attempt.NewPassword || coded && (facts.Compromised || facts.Contained && facts.KnownDevice),
			"a password is set after the code, and after a containment never by a stranger")
		promise(!facts.Contained || facts.KnownDevice || len(step.Factors()) == 0 || guessed, "a stranger with a contained password is sent no code")
	})
}

// Playing an attempt: each proof that is asked for is given, and it comes to an end in as many steps as there are proofs.
func TestAnsweringWhatIsAskedComesToAnEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := anyFacts(t)
		purpose := rapid.SampledFrom([]attempt.Purpose{attempt.SignUp, attempt.SignIn}).Draw(t, "purpose")
		var proofs attempt.Proofs
		for range 4 {
			switch step, _ := attempt.Next(purpose, proofs, facts); step {
			case attempt.FirstFactor:
				proofs.PasswordAt = noon
			case attempt.EmailVerification, attempt.DeviceVerification:
				proofs.EmailCodeAt = noon
			case attempt.NewPassword:
				proofs.NewPassword = newPassword.NewPassword
			case attempt.Done, attempt.Refused:
				return
			}
		}
		t.Errorf("%s with %+v never ends", purpose, facts)
	})
}

// Facts that change meanwhile count at once: a sign-in is never further than the facts of the moment let it be.
func TestAContainmentMeanwhileStopsASignIn(t *testing.T) {
	if got, _ := attempt.Next(attempt.SignIn, both, stranger); got != attempt.Done {
		t.Fatalf("before: %s", got)
	}
	if got, why := attempt.Next(attempt.SignIn, both, containedStranger); got != attempt.Refused || why != attempt.PasswordContained {
		t.Errorf("after: %s, %q", got, why)
	}
}

func TestFactorsAreThoseThatAStepTakes(t *testing.T) {
	for step, want := range map[attempt.Step][]attempt.Factor{
		attempt.FirstFactor:        {attempt.Password},
		attempt.NewPassword:        {attempt.Password},
		attempt.EmailVerification:  {attempt.EmailCode},
		attempt.DeviceVerification: {attempt.EmailCode},
		attempt.Done:               nil,
		attempt.Refused:            nil,
		"unknown":                  nil,
	} {
		if got := step.Factors(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", step, got, want)
		}
	}
}
