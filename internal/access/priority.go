package access

// Priority is the order in which a server that has too much to do goes on serving:
// what is lower is refused first. The zero Priority is unset, and a row that has it
// refuses: nobody finds out in an outage what somebody forgot.
type Priority uint8

// The priorities, from the first to be refused to the last.
const (
	// Deferrable is what may come later without harm: a sign-up.
	Deferrable Priority = 1 + iota
	// Interactive is what somebody is waiting for: a sign-in.
	Interactive
	// Vital is what keeps those in who are in and those out who are out: health,
	// token checks, refreshes, key sets, revocations, alerts and their answers, and
	// operators, who are needed most when there is too much to do.
	Vital
)

// Priorities lists them, the first to be refused first.
func Priorities() []Priority { return []Priority{Deferrable, Interactive, Vital} }

// String is the priority's name, in metrics and logs.
func (p Priority) String() string {
	switch p {
	case Deferrable:
		return "deferrable"
	case Interactive:
		return "interactive"
	case Vital:
		return "vital"
	default:
		return "unset"
	}
}

func (p Priority) set() bool { return p >= Deferrable && p <= Vital }
