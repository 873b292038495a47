package breach

// Moment is when a password is checked.
type Moment int

const (
	// AtSet means: somebody sets a password. It is the zero value, the stricter one.
	AtSet Moment = iota
	// AtSignIn means: somebody signed in with the password that they have.
	AtSignIn
)

// OnFailure is what happens when a source failed.
type OnFailure int

const (
	// Closed refuses what couldn't be checked.
	Closed OnFailure = iota
	// Open lets it pass.
	Open
)

// DefaultOnFailure is what happens at a moment when a source failed and nobody decided otherwise: whoever sets a password can try again, whoever
// signs in must not be locked out by a disk or by somebody else's server.
func DefaultOnFailure(m Moment) OnFailure {
	if m == AtSignIn {
		return Open
	}
	return Closed
}

// Refuses says whether a password may not be used at a moment. At sign-in, to refuse what is Breached means that the user must set a new one, and to refuse what is
// Unknown, that the sign-in goes no further for now: a source that fails marks nobody. What isn't known refuses: a moment, a verdict or a choice that isn't one of
// the above.
func Refuses(m Moment, r Result, f OnFailure) bool {
	switch r.Verdict {
	case Clean:
		return false
	case Suspected:
		return m != AtSignIn
	case Unknown:
		return f != Open
	default:
		return true
	}
}
