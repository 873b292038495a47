package load

// Kind is a kind of operation.
type Kind string

// The kinds.
const (
	SignUp    Kind = "sign-up"
	SignIn    Kind = "sign-in"    // on a known device
	NewDevice Kind = "new device" // a sign-in on an unknown one, with a code
	Refresh   Kind = "refresh"
	Revoke    Kind = "revoke"
	Verify    Kind = "verify"
)

// Kinds returns all, in the order in which people tell them.
func Kinds() []Kind { return []Kind{SignUp, SignIn, NewDevice, Refresh, Revoke, Verify} }

// Outcome is how an operation ended.
type Outcome string

// The outcomes.
const (
	// Acknowledged: the suite said that it is done.
	Acknowledged Outcome = "acknowledged"
	// Unknown: the answer to the deciding call was lost. It may have happened.
	Unknown Outcome = "unknown"
	// GivenUp: a call before the deciding one failed, or no code came. It didn't happen.
	GivenUp Outcome = "given up"
	// Refused: the suite said no, with a reason. It didn't happen.
	Refused Outcome = "refused"
	// NotBegun: nobody was free for it.
	NotBegun Outcome = "not begun"
)

// Outcomes returns all.
func Outcomes() []Outcome { return []Outcome{Acknowledged, Unknown, GivenUp, Refused, NotBegun} }
