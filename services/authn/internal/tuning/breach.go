package tuning

import "github.com/doorward/doorward/internal/breach"

// BreachOnFailure is what happens at a moment to a password that no source of breached ones could tell of.
func (p Policy) BreachOnFailure(m breach.Moment) breach.OnFailure {
	switch {
	case m == breach.AtSet && !p.BreachUnknownRefusesNew, m == breach.AtSignIn && !p.BreachUnknownRefusesSignIn:
		return breach.Open
	}
	return breach.Closed
}
