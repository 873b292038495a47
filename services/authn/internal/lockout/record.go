package lockout

import (
	"slices"
	"time"
)

// Who says which row a try counts in. The zero value is the one with less standing.
type Who int

const (
	// Strangers are all devices that aren't known for the account.
	Strangers Who = iota
	// Known are the devices that are.
	Known

	rows
)

// Record is what is remembered of an identifier and authenticator. Its zero value is a clean one.
type Record struct {
	// Rows are the failures, by Who.
	Rows [rows]Row
	// Reserved are the tries that aren't settled yet, oldest first. The waits bound how many there can be.
	Reserved []Reservation
}

// Row is a row of failures.
type Row struct {
	// Failures are those since the last right answer.
	Failures int
	// Paced are those that set the wait: the same, but they start again at 0 after a quiet time.
	Paced int
	// Last is when the last was.
	Last time.Time
}

// Reservation is a try whose answer isn't known yet.
type Reservation struct {
	// ID names the try.
	ID string
	// Who is the row that it counts in.
	Who Who
	// At is when it was reserved.
	At time.Time
}

// Outcome is how a reserved try fared.
type Outcome int

// How it can fare.
const (
	// Wrong adds to the row. It is the zero value: what isn't known to be right is wrong.
	Wrong Outcome = iota
	// Right ends the row.
	Right
	// Unchecked takes the reservation back: nobody looked at the answer.
	Unchecked
)

// Verdict is what Reserve says.
type Verdict struct {
	// Admitted tries may be checked.
	Admitted bool
	// RetryIn is how long a refused one has to wait; 0 when no time helps.
	RetryIn time.Duration
}

// Reserve counts a try before it is checked, or refuses it.
func (r *Record) Reserve(id string, who Who, rules Rules, now time.Time) Verdict {
	r.tidy(rules, now)
	standing := r.standing(who)
	if standing.Failures >= r.most(who) || who == Strangers && rules.Lock <= 0 && standing.Failures >= rules.LockAt {
		return Verdict{}
	}
	if free := standing.Last.Add(rules.wait(who, standing.Paced)); free.After(now) {
		return Verdict{RetryIn: free.Sub(now)}
	}
	r.Reserved = append(r.Reserved, Reservation{ID: id, Who: who, At: now})
	return Verdict{Admitted: true}
}

// InRow is how many failures in a row set the wait of a row now, with those that are being tried.
func (r *Record) InRow(who Who, rules Rules, now time.Time) int {
	if standing := r.standing(who); now.Sub(standing.Last) < rules.Decay {
		return standing.Paced
	}
	return 0
}

// Settle says how a reserved try fared. One that was never reserved, or is settled already, changes nothing.
func (r *Record) Settle(id string, outcome Outcome) {
	i := slices.IndexFunc(r.Reserved, func(v Reservation) bool { return v.ID == id })
	if i < 0 {
		return
	}
	v := r.Reserved[i]
	r.Reserved = slices.Delete(r.Reserved, i, i+1)
	switch outcome {
	case Unchecked:
	case Right:
		r.succeed(v.Who)
	default: // Wrong, and what this release doesn't know
		r.Rows[v.Who].fail(v.At)
	}
}

// Unlock forgets all failures, for an operator. Tries that are being checked still count.
func (r *Record) Unlock() { r.Rows = [rows]Row{} }

// IsClean reports whether there is nothing to remember.
func (r *Record) IsClean() bool { return len(r.Reserved) == 0 && r.Rows == [rows]Row{} }

// Only reports whether a reserved try is all that there is to remember.
func (r *Record) Only(id string) bool {
	return len(r.Reserved) == 1 && r.Reserved[0].ID == id && r.Rows == [rows]Row{}
}

// ForgetAt is the moment from which the record may be deleted if nothing more happens.
func (r *Record) ForgetAt(rules Rules) time.Time {
	var forget time.Time
	for who := range r.Rows {
		row := r.standing(Who(who))
		if at := row.Last.Add(rules.stays(row)); !row.Last.IsZero() && at.After(forget) {
			forget = at
		}
	}
	return forget
}

// tidy makes failures of reservations that nobody will settle, and starts quiet rows again. A failure in the future was counted while the clock was
// wrong: it stays in its row, and nobody waits for it.
func (r *Record) tidy(rules Rules, now time.Time) {
	r.Reserved = slices.DeleteFunc(r.Reserved, func(v Reservation) bool {
		lost := now.Sub(v.At) >= abandoned
		if lost {
			r.Rows[v.Who].fail(v.At)
		}
		return lost
	})
	for who := range r.Rows {
		row := &r.Rows[who]
		if now.Sub(row.Last) >= max(rules.Decay, rules.wait(Who(who), row.Paced)) { // a wait ends first, however long it is
			row.Paced = 0
		}
		if row.Last.Sub(now) > wrongClock {
			row.Last = now.Add(-rules.wait(Who(who), row.Paced))
		}
	}
}

// standing is a row as if all its reserved tries had failed.
func (r *Record) standing(who Who) Row {
	row := r.Rows[who]
	for _, v := range r.Reserved {
		if v.Who == who {
			row.fail(v.At)
		}
	}
	return row
}

// most is how many failures a row takes.
func (r *Record) most(who Who) int {
	if who == Known {
		return mostInRow - r.standing(Strangers).Failures
	}
	return mostInRow - forKnown
}

// succeed ends the row that NIST bounds, whoever gave the right answer. Waits end only for those among whom it was given: an owner's sign-in shall not
// hand strangers new guesses at once.
func (r *Record) succeed(who Who) {
	for i := range r.Rows {
		r.Rows[i].Failures = 0
	}
	r.Rows[who] = Row{}
}

func (w *Row) fail(at time.Time) {
	w.Failures++
	w.Paced++
	if at.After(w.Last) {
		w.Last = at
	}
}
