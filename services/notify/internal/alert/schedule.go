package alert

import "time"

// Schedule says when an alert that wasn't accepted is tried again.
type Schedule struct {
	// Pauses are the waits after the first, second, … try; the last repeats.
	Pauses []time.Duration
	// GiveUpAfter is how long after it was queued an alert is given up.
	GiveUpAfter time.Duration
}

// Pause is the wait after so many tries. Without a schedule it is a minute: never none, which would be a storm.
func (s Schedule) Pause(tries int) time.Duration {
	if len(s.Pauses) == 0 {
		return time.Minute
	}
	return s.Pauses[min(max(tries, 1), len(s.Pauses))-1]
}
