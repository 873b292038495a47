package lockout

import "time"

const (
	// mostInRow is NIST's bound, and forKnown the part of it that strangers can't use up.
	mostInRow = 100
	forKnown  = 10
	// keep is how long a record is remembered whose row has cost a wait.
	keep = 30 * 24 * time.Hour
	// knownDoublings is how often the first wait may double on a known device: from 1 min to 16 min by the defaults.
	knownDoublings = 4
	// mostDoublings keeps a wait of hours from overflowing.
	mostDoublings = 16
	// abandoned is when a reservation that nobody has settled is a failure: long after the latest settlement.
	abandoned = time.Minute
	// wrongClock is more than the clocks of two replicas may differ by.
	wrongClock = time.Minute
)

// Rules are the policy's.
type Rules struct {
	// WaitFrom is the failure in a row that costs the first wait.
	WaitFrom int
	// FirstWait is that wait. It doubles with each further failure.
	FirstWait time.Duration
	// LockAt is the failure in a row from which each costs Lock.
	LockAt int
	// Lock is the longest wait. 0 ends the strangers' row at LockAt; after it was begun anew, their waits go on doubling, up to Decay.
	Lock time.Duration
	// Decay is how long after the last failure a row costs no wait any more; a wait that is longer ends first.
	Decay time.Duration
}

// wait is how long after the last of a number of failures in a row the next try may be.
func (r Rules) wait(who Who, row int) time.Duration {
	if who == Strangers && row >= r.LockAt && r.Lock > 0 {
		return r.Lock
	}
	if row < r.WaitFrom {
		return 0
	}
	doublings := row - r.WaitFrom
	if who == Known {
		return r.FirstWait << min(doublings, knownDoublings)
	}
	longest := r.Lock
	if longest <= 0 {
		longest = r.Decay
	}
	return min(r.FirstWait<<min(doublings, mostDoublings), longest)
}

// Longest is the longest wait that there is.
func (r Rules) Longest(who Who) time.Duration { return r.wait(who, mostInRow) }

// stays is how long a row is remembered after its last failure.
func (r Rules) stays(w Row) time.Duration {
	if max(w.Failures, w.Paced) < min(r.WaitFrom, r.LockAt) {
		return r.Decay
	}
	return max(keep, r.Decay)
}
