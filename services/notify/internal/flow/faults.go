package flow

import (
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// The failures that callers of the flows see.
var (
	errTokenInvalid = fault.New(fault.Invalid, typev1.Reason_REASON_CONTAIN_TOKEN_INVALID,
		"The link isn't valid. Open it from the mail again, or use the newest mail.")
	errPageToken = fault.New(fault.Invalid, typev1.Reason_REASON_INVALID_FIELD,
		"The request can't be accepted as it is; see the field.").
		Field("page_token", "must be the next_page_token of the page before")
	errNoLetter = fault.New(fault.NotFound, typev1.Reason_REASON_NOT_FOUND,
		"There is no such dead letter, or it has been settled meanwhile. List again.")
	errReplayFailed = fault.New(fault.Precondition, typev1.Reason_REASON_UNAVAILABLE,
		"The message failed again and stays a dead letter. Its cause is in notify's log under the request id.")
	errLettersUnreachable = fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE,
		"The dead letters can't be reached: NATS isn't answering. Try again.")
)
