package main

import (
	"errors"
	"fmt"
	"strings"

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
		return fmt.Errorf("%w\n%s isn't an operator's: run . %s", err, s.credential(service), s.operatorEnv())
	case typev1.Reason_REASON_API_KEY_INVALID:
		// As after a restore, or in development after .doorward was made anew.
		return fmt.Errorf("%w\nanother key is in force: run . %s again, or leave DOORWARD_API_KEY out and show the certificate in DOORWARD_CERTS", err, s.operatorEnv())
	case typev1.Reason_REASON_INVALID_FIELD:
		return invalid(err)
	case typev1.Reason_REASON_UNSPECIFIED:
		if fault.KindOf(err) == fault.Unavailable {
			return fmt.Errorf("%w\nis %s running at %s?", err, service, s.lookup(addressVariables[service]))
		}
	default: // says enough by itself
	}
	return err
}

// invalid names the fields that can't be accepted, and what is wrong with each.
func invalid(err error) error {
	refused, ok := fault.As(err)
	if !ok || len(refused.Fields) == 0 {
		return err
	}
	var lines []string
	for _, field := range refused.Fields {
		lines = append(lines, fmt.Sprintf("%s: %s", flagOf(field.Name), field.Problem))
	}
	return fmt.Errorf("INVALID_FIELD: %s", strings.Join(lines, "; "))
}

// flagOf is what the command line calls a field of a request.
func flagOf(field string) string {
	switch field {
	case "page_size":
		return "--limit"
	case "page_token":
		return "--page"
	case "learning_window":
		return "--learning-window"
	case "overlap", "audience", "note", "scopes":
		return "--" + strings.TrimSuffix(field, "s")
	}
	return field
}

// credential is what a service knows the operator by.
func (s streams) credential(service string) string {
	if s.showsKey(service) {
		return "DOORWARD_API_KEY"
	}
	return "the certificate in DOORWARD_CERTS"
}
