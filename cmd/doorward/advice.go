package main

import (
	"errors"
	"fmt"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// advise adds to a call that failed what an operator does about it. unfound says what it was that the service doesn't have.
func (s streams) advise(err error, service, unfound string) error {
	switch fault.ReasonOf(err) {
	case typev1.Reason_REASON_NOT_FOUND:
		if unfound != "" {
			return errors.New(unfound)
		}
	case typev1.Reason_REASON_CALLER_NOT_ALLOWED:
		return fmt.Errorf("%w\n%s isn't an operator's: run . .doorward/operator.env", err, credential(service))
	case typev1.Reason_REASON_API_KEY_INVALID:
		return fmt.Errorf("%w\nin development, when .doorward was made anew: run . .doorward/operator.env again", err)
	case typev1.Reason_REASON_UNSPECIFIED:
		if fault.KindOf(err) == fault.Unavailable {
			return fmt.Errorf("%w\nis %s running at %s?", err, service, s.lookup(addressVariables[service]))
		}
	default: // says enough by itself
	}
	return err
}

// credential is what a service knows an operator by.
func credential(service string) string {
	if service == "authn" {
		return "DOORWARD_API_KEY"
	}
	return "the certificate in DOORWARD_CERTS"
}
