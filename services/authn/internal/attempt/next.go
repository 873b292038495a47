package attempt

// Purpose is what an attempt is for.
type Purpose string

// The purposes.
const (
	SignUp Purpose = "sign_up"
	SignIn Purpose = "sign_in"
)

// Step is what an attempt needs next.
type Step string

// The steps; the package comment draws how they follow each other.
const (
	FirstFactor        Step = "first_factor"
	NewPassword        Step = "new_password"
	EmailVerification  Step = "email_verification"
	DeviceVerification Step = "device_verification"
	Done               Step = "done"
	Refused            Step = "refused"
)

// Refusal is why an attempt may not go on.
type Refusal string

// The refusals.
const (
	// PasswordContained: the password is right, was marked compromised by a containment, and the device isn't one trusted before.
	PasswordContained Refusal = "password_contained"
	// AccountLocked and AccountBanned: the password is right, and an operator doesn't want the account in.
	AccountLocked Refusal = "account_locked"
	AccountBanned Refusal = "account_banned"
	// RiskRefused: risk's verdict.
	RiskRefused Refusal = "risk_refused"
	// Over: the answers are used up, or the account's secrets changed meanwhile.
	Over Refusal = "over"
	// Restricted: the operator's rules, as they are when a sign-up would be done, don't let this address sign up.
	Restricted Refusal = "restricted"
)

// Verdict is risk's part that depends on the account. Its zero value asks for a check: what wasn't assessed isn't trusted.
type Verdict string

// The verdicts.
const (
	VerifyDevice Verdict = ""
	Allow        Verdict = "allow"
	Refuse       Verdict = "refuse"
)

// Facts are what Next must know beside the proofs. They are read anew for each decision.
type Facts struct {
	// KnownDevice: the device is trusted for this user and unexpired.
	KnownDevice bool
	// Contained: the account's password was marked compromised by a containment.
	Contained bool
	// Compromised: somebody else was said to know the account's password.
	Compromised bool
	// Locked, Banned: an operator doesn't want the account in.
	Locked, Banned bool
	// Learning: the account was imported, this would be its first sign-in, and nothing speaks against taking the device for its owner's. It is a fact of the
	// right password's own moment, and of none after it.
	Learning bool
	// Verdict is risk's.
	Verdict Verdict
	// Over: the attempt has no answers left, or the account's epoch isn't the one under which the password was right.
	Over bool
}

// Next says what comes next, and for Refused why. What it doesn't know it refuses.
func Next(purpose Purpose, proofs Proofs, facts Facts) (Step, Refusal) {
	if facts.Over {
		return Refused, Over
	}
	switch purpose {
	case SignUp:
		return nextSignUp(proofs), ""
	case SignIn:
		return nextSignIn(proofs, facts)
	}
	return Refused, Over
}

func nextSignUp(proofs Proofs) Step {
	switch {
	case proofs.NewPassword == nil:
		return NewPassword
	case proofs.EmailCodeAt.IsZero():
		return EmailVerification
	}
	return Done
}

func nextSignIn(proofs Proofs, facts Facts) (Step, Refusal) {
	switch {
	case proofs.PasswordAt.IsZero():
		return FirstFactor, ""
	case facts.Banned:
		return Refused, AccountBanned
	case facts.Locked:
		return Refused, AccountLocked
	case facts.Verdict != Allow && facts.Verdict != VerifyDevice:
		return Refused, RiskRefused // Refuse, or a verdict of a newer release
	case facts.Contained:
		return nextContained(proofs, facts)
	case facts.Compromised:
		return nextCompromised(proofs, facts), ""
	case (facts.KnownDevice || facts.Learning) && facts.Verdict == Allow:
		return Done, ""
	case proofs.EmailCodeAt.IsZero():
		return DeviceVerification, ""
	}
	return Done, ""
}

// nextContained is the way back in after a containment: only on a device trusted before, and only to a new password.
func nextContained(proofs Proofs, facts Facts) (Step, Refusal) {
	switch {
	case !facts.KnownDevice:
		return Refused, PasswordContained
	case proofs.EmailCodeAt.IsZero():
		return EmailVerification, ""
	case proofs.NewPassword == nil:
		return NewPassword, ""
	}
	return Done, ""
}

// nextCompromised is the way to a new password, on any device: a second check, for the first is known to somebody else.
func nextCompromised(proofs Proofs, facts Facts) Step {
	switch {
	case proofs.EmailCodeAt.IsZero() && facts.KnownDevice:
		return EmailVerification
	case proofs.EmailCodeAt.IsZero():
		return DeviceVerification
	case proofs.NewPassword == nil:
		return NewPassword
	}
	return Done
}

// Factor is a way to answer a step.
type Factor string

// The factors, as events name them.
const (
	Password  Factor = "password"
	EmailCode Factor = "email_code"
)

// Factors are all that there are.
func Factors() []Factor { return []Factor{Password, EmailCode} }

// Factors are those that may answer a step: the deployment's, never the account's.
func (s Step) Factors() []Factor {
	switch s {
	case FirstFactor, NewPassword:
		return []Factor{Password}
	case EmailVerification, DeviceVerification:
		return []Factor{EmailCode}
	case Done, Refused:
	}
	return nil
}
