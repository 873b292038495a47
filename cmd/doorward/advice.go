package main

import (
	"errors"
	"fmt"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// advise adds to a call to authn that failed what an operator does about it. unfound says what it was that authn doesn't have.
func (s streams) advise(err error, unfound string) error {
	switch fault.ReasonOf(err) {
	case typev1.Reason_REASON_NOT_FOUND:
		return errors.New(unfound)
	case typev1.Reason_REASON_CALLER_NOT_ALLOWED:
		return fmt.Errorf("%w\nDOORWARD_API_KEY isn't an operator's: run . .doorward/operator.env", err)
	case typev1.Reason_REASON_API_KEY_INVALID:
		return fmt.Errorf("%w\nin development, when .doorward was made anew: run . .doorward/operator.env again", err)
	case typev1.Reason_REASON_UNSPECIFIED:
		if fault.KindOf(err) == fault.Unavailable {
			return fmt.Errorf("%w\nis authn running at %s?", err, s.lookup("DOORWARD_ADDRESS"))
		}
	default: // says enough by itself
	}
	return err
}
