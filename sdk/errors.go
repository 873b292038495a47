package doorward

import (
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
)

// domain is the ErrorInfo domain of every failure that comes from Doorward.
const domain = "doorward"

// ErrNotStarted is returned by an attempt's methods when the attempt has neither been started nor resumed.
var ErrNotStarted = errors.New("doorward: the attempt has no id: begin it with Client.SignIn, SignUp or Resume")

// ErrBadTicket is returned by Client.Resume for a text that Attempt.Ticket didn't make.
var ErrBadTicket = errors.New("doorward: not an attempt's ticket: start the sign-in again")

// ReasonOf returns why a call failed. It is false for errors that don't come from Doorward, such as a network's.
func ReasonOf(err error) (typev1.Reason, bool) {
	for _, detail := range details(err) {
		info, ok := detail.(*errdetails.ErrorInfo)
		if !ok || info.GetDomain() != domain {
			continue
		}
		number, known := typev1.Reason_value["REASON_"+info.GetReason()]
		return typev1.Reason(number), known
	}
	return typev1.Reason_REASON_UNSPECIFIED, false
}

// RetryAfter returns how long to wait before the call is worth another try, if the failure says so.
func RetryAfter(err error) (time.Duration, bool) {
	for _, detail := range details(err) {
		if retry, ok := detail.(*errdetails.RetryInfo); ok && retry.GetRetryDelay().IsValid() {
			return max(0, retry.GetRetryDelay().AsDuration()), true
		}
	}
	return 0, false
}

// Violation is a field that breaks its rule, such as a new password that is too short.
type Violation struct {
	// Field is the field's name in the contract, such as new_password.
	Field string
	// Rule says what it must be.
	Rule string
	// Reason is the rule's name, such as PASSWORD_TOO_SHORT, for a page with words of its own; empty where there is none. It stays as it is.
	Reason string
}

// Violations returns the fields that a call was refused for.
func Violations(err error) []Violation {
	var violations []Violation
	for _, detail := range details(err) {
		bad, ok := detail.(*errdetails.BadRequest)
		if !ok {
			continue
		}
		for _, field := range bad.GetFieldViolations() {
			violations = append(violations, Violation{Field: field.GetField(), Rule: field.GetDescription(), Reason: field.GetReason()})
		}
	}
	return violations
}

func details(err error) []any {
	if err == nil {
		return nil
	}
	state, ok := status.FromError(err)
	if !ok {
		return nil
	}
	return state.Details()
}
