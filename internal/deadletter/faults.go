package deadletter

import (
	"errors"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/fault"
)

// The failures that operators see.
var (
	errPageToken = fault.New(fault.Invalid, typev1.Reason_REASON_INVALID_FIELD,
		"The request can't be accepted as it is; see the field.").
		Field("page_token", "must be the next_page_token of the page before")
	errNoLetter = fault.New(fault.NotFound, typev1.Reason_REASON_NOT_FOUND,
		"There is no such dead letter, or it has been settled meanwhile. List again.")
	errReplayFailed = fault.New(fault.Precondition, typev1.Reason_REASON_UNAVAILABLE,
		"The message failed again and stays a dead letter. Its cause is in the service's log under the request id.")
	errUnreachable = fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE,
		"The dead letters can't be reached: NATS isn't answering. Try again.")
)

// public is what the operator is told of a failure.
func public(failure error) error {
	switch {
	case failure == nil:
		return nil
	case errors.Is(failure, bus.ErrNoLetter), errors.Is(failure, bus.ErrLetterChanged):
		return errNoLetter.Because(failure)
	case errors.Is(failure, errFailsAgain), errors.Is(failure, bus.ErrInvalidEvent):
		return errReplayFailed.Because(failure)
	default:
		return errUnreachable.Because(failure)
	}
}
