// Package tuning is notify's policy: what an operator may tune at run time, with defaults that are safe and rules that a change must keep.
//
// It holds values and nothing else. It is stored, versioned and read through internal/policy; every use case reads it once, at its start.
package tuning

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doorward/doorward/services/notify/internal/alert"
)

// maxPauses bounds a schedule that was written by hand.
const maxPauses = 32

// Policy is notify's policy.
type Policy struct {
	// RetryPauses are the waits after an alert's first, second, … try; the last repeats. 1 to 32 of 1 s to 24 h.
	RetryPauses []time.Duration `json:"retry_pauses"`
	// GiveUpAfter is how long an alert is tried. 1 h to 14 d; RFC 5321 §4.5.4.1 asks for 4 to 5 days at least.
	GiveUpAfter time.Duration `json:"give_up_after"`
	// SignUpTakenEvery is the least time between two notices to one address that somebody tried to sign up with it. 1 h to 30 d.
	SignUpTakenEvery time.Duration `json:"sign_up_taken_every"`
	// KeepDeliveries is how long a delivery is kept, and so how long an alert's link works. 15 to 400 d; authn answers for 90.
	KeepDeliveries time.Duration `json:"keep_deliveries"`
}

const day = 24 * time.Hour

// Default is the policy of a new deployment.
func Default() Policy {
	return Policy{
		RetryPauses: []time.Duration{
			5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		},
		GiveUpAfter:      5 * day,
		SignUpTakenEvery: day,
		KeepDeliveries:   90 * day,
	}
}

// Schedule is the part of the policy that a delivery goes by.
func (p Policy) Schedule() alert.Schedule {
	return alert.Schedule{Pauses: slices.Clone(p.RetryPauses), GiveUpAfter: p.GiveUpAfter}
}

// Validate reports every value that is out of its range, all at once.
func (p Policy) Validate() error {
	faults := []error{
		span("give_up_after", p.GiveUpAfter, time.Hour, 14*day),
		span("sign_up_taken_every", p.SignUpTakenEvery, time.Hour, 30*day),
		span("keep_deliveries", p.KeepDeliveries, 15*day, 400*day),
	}
	if n := len(p.RetryPauses); n < 1 || n > maxPauses {
		faults = append(faults, fmt.Errorf("retry_pauses has %d values: must have 1 to %d", n, maxPauses))
	}
	for i, pause := range p.RetryPauses {
		faults = append(faults, span(fmt.Sprintf("retry_pauses[%d]", i), pause, time.Second, day))
	}
	return errors.Join(faults...)
}

func span(name string, value, least, most time.Duration) error {
	if value < least || value > most {
		return fmt.Errorf("%s is %v: must be from %v to %v", name, value, least, most)
	}
	return nil
}
