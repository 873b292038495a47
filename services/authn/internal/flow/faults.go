package flow

import (
	"context"
	"errors"
	"strings"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/credential"
)

// The failures that callers of the flows see. What varies is added where it is known.
var (
	errAttemptNotFound = fault.New(fault.NotFound, typev1.Reason_REASON_ATTEMPT_NOT_FOUND,
		"no live attempt has this id and secret; start again")
	errAttemptElsewhere = fault.New(fault.Denied, typev1.Reason_REASON_ATTEMPT_ELSEWHERE,
		"the attempt was begun by another application or on another device; continue it where it began")
	errStepMismatch = fault.New(fault.Precondition, typev1.Reason_REASON_STEP_MISMATCH,
		"the attempt's next step takes another answer; see the step in the metadata")
	errTooManyFailures = fault.New(fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES,
		"too many failures in a row; come back later, or use a device that was signed in before")
	errTooFast = fault.New(fault.Exhausted, typev1.Reason_REASON_RATE_LIMITED,
		"too many calls within a few seconds; wait as RetryInfo says")
	errCodeTooSoon = fault.New(fault.Exhausted, typev1.Reason_REASON_CODE_TOO_SOON,
		"a code was sent a moment ago, or too many were within the hour; wait as RetryInfo says")
	errCodesExhausted = fault.New(fault.Exhausted, typev1.Reason_REASON_CODES_EXHAUSTED,
		"this address, or this network, can't have more codes sent for now; wait as RetryInfo says, or use a device that was signed in before")
	errCodesSpent = fault.New(fault.Exhausted, typev1.Reason_REASON_RATE_LIMITED,
		"too many codes were sent within the hour, to all together; wait as RetryInfo says, or use a device that was signed in before")
	errChallengeRequired = fault.New(fault.Exhausted, typev1.Reason_REASON_CHALLENGE_REQUIRED,
		"solve the challenge that comes with this answer, and call again with its solution")
	errNoChallenge = fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE,
		"a challenge is due here, and risk, which makes them, doesn't answer; try again").RetryIn(riskRetry)
	errBlocked = fault.New(fault.Denied, typev1.Reason_REASON_BLOCKED,
		"this network is blocked for now; come back later")
	errOverloaded = fault.New(fault.Exhausted, typev1.Reason_REASON_OVERLOADED,
		"too many passwords are being checked; wait as RetryInfo says")
	errPasswordUnacceptable = fault.New(fault.Invalid, typev1.Reason_REASON_PASSWORD_UNACCEPTABLE,
		"the password breaks a rule; see the field")
	errEmail = fault.New(fault.Invalid, typev1.Reason_REASON_INVALID_FIELD,
		"the request can't be accepted as it is; see the field").Field("email", "must be a valid email address")
	errRestricted = fault.New(fault.Denied, typev1.Reason_REASON_SIGN_UP_RESTRICTED,
		"sign-up isn't open to this address or network; ask whoever runs the service")
	errIdentifierUnknown = fault.New(fault.NotFound, typev1.Reason_REASON_IDENTIFIER_UNKNOWN,
		"there is no account with this email; sign up, or look for a typing mistake")
	errEmailTaken = fault.New(fault.AlreadyExists, typev1.Reason_REASON_EMAIL_TAKEN,
		"there is an account with this email already; sign in")
	errListsUnread = fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE,
		"the lists of who may sign up are being read; try again").RetryIn(time.Second)
	errListsFull = fault.New(fault.Precondition, typev1.Reason_REASON_LISTS_FULL,
		"the lists would have more entries than they can take; remove some. Nothing was changed.")
	errInvitationsFull = fault.New(fault.Precondition, typev1.Reason_REASON_LISTS_FULL,
		"there would be more invitations than can be kept; those that have ended are forgotten after 30 days. Nothing was changed.")
	errImportRuns = fault.New(fault.Exhausted, typev1.Reason_REASON_OVERLOADED,
		"another import is under way; wait for its end").RetryIn(importRetry)
	errEntries = fault.New(fault.Invalid, typev1.Reason_REASON_INVALID_FIELD,
		"Some entries can't be read: correct those that BadRequest names. Nothing was changed.")
	errInvited = fault.New(fault.Invalid, typev1.Reason_REASON_INVALID_FIELD,
		"Some addresses can't be invited: correct those that BadRequest names. Nothing was changed.")
	errLearningWindow = fault.New(fault.Invalid, typev1.Reason_REASON_INVALID_FIELD,
		"the request can't be accepted as it is; see the field. Nothing was imported.")
	errNotFound = fault.New(fault.NotFound, typev1.Reason_REASON_NOT_FOUND,
		"there is no such thing, or it isn't for this caller")
	errPolicyInvalid = fault.New(fault.Invalid, typev1.Reason_REASON_INVALID_FIELD,
		"Some values of the policy are out of their range: correct those that BadRequest names. Nothing was changed.")
	errPolicyChanged = fault.New(fault.Aborted, typev1.Reason_REASON_VERSION_CONFLICT,
		"The policy was changed by somebody else meanwhile: read it again and decide again. Nothing was changed.")
	errNameTaken = fault.New(fault.AlreadyExists, typev1.Reason_REASON_ALREADY_EXISTS,
		"the name is taken; choose another")
	errKeyEnded = fault.New(fault.Precondition, typev1.Reason_REASON_API_KEY_ENDED,
		"the API key is revoked, expired, or was rotated before; rotate its successor, or create another key")
	errRiskDown = fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE,
		"sign-up needs risk, which doesn't answer; try again").RetryIn(riskRetry)
	errBreachUnknown = fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE,
		"the password couldn't be compared with those known from breaches; try again in a moment").RetryIn(breachRetry)
	errStopping = fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE,
		"the service is stopping; try again").RetryIn(time.Second)
	errInternal = fault.New(fault.Internal, typev1.Reason_REASON_INTERNAL,
		"something failed inside; the log has the cause under the request id")

	errSessionTokenInvalid = fault.New(fault.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_INVALID,
		"the session token isn't valid here; sign in again")
	errSessionTokenExpired = fault.New(fault.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_EXPIRED,
		"the session token's life is over; refresh it")
	errSessionEnded = fault.New(fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED,
		"the session has ended; sign in again")
	errRefreshInvalid = fault.New(fault.Unauthenticated, typev1.Reason_REASON_REFRESH_TOKEN_INVALID,
		"the refresh token isn't valid on this device; sign in again")
	errRefreshReused = fault.New(fault.Unauthenticated, typev1.Reason_REASON_REFRESH_TOKEN_REUSED,
		"the refresh token was used before; the session is ended; sign in again")
	errKeyMissing = fault.New(fault.Unauthenticated, typev1.Reason_REASON_API_KEY_MISSING,
		"send an API key as `authorization: Bearer …`")
	errKeyInvalid = fault.New(fault.Unauthenticated, typev1.Reason_REASON_API_KEY_INVALID,
		"the API key isn't one of ours, was revoked, or has expired; get another from an operator")
)

// importRetry is when to try again while an import runs.
const importRetry = 5 * time.Second

// refusal says that an error is an answer to the caller, and no failure of ours.
func refusal(err error) bool {
	said, ok := fault.As(err)
	return ok && said.Kind != fault.Internal
}

// riskRetry is when to try again after risk didn't answer.
const riskRetry = 2 * time.Second

// stepMismatch says which step the attempt is at.
func stepMismatch(step attempt.Step) error {
	return errStepMismatch.With("step", strings.ToUpper(string(step)))
}

// hashing turns what the pool answers into what a caller sees.
func hashing(err error) error {
	var busy *credential.BusyError
	switch {
	case errors.As(err, &busy):
		return errOverloaded.RetryIn(busy.RetryAfter)
	case errors.Is(err, credential.ErrClosed):
		return errStopping
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return errInternal.Because(err)
}

// unacceptable says what is wrong with a new password, a field for each problem.
func unacceptable(problems []credential.Problem) error {
	refused := errPasswordUnacceptable
	for _, p := range problems {
		refused = refused.Violation(passwordProblem(p))
	}
	return refused
}

// passwordRefused says the one thing that is wrong with a new password, beside the problems that the rules find.
func passwordRefused(name credential.Name, text string) error {
	return unacceptable([]credential.Problem{{Name: name, Text: text}})
}

// passwordProblem names the problem for programs too: docs/errors.md lists the names.
func passwordProblem(p credential.Problem) fault.Field {
	return fault.Field{Name: "new_password", Problem: p.Text, Reason: "PASSWORD_" + strings.ToUpper(string(p.Name))}
}
