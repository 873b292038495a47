package flow

import (
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

var (
	errNotReady = fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE,
		"The history of sign-ins isn't loaded yet. Call again as RetryInfo says.").RetryIn(time.Second)
	errNoRoom = fault.New(fault.Exhausted, typev1.Reason_REASON_OVERLOADED,
		"More solutions were redeemed of late than can be remembered. Call again as RetryInfo says.").RetryIn(time.Minute)
	errNoDecision = fault.New(fault.NotFound, typev1.Reason_REASON_NOT_FOUND,
		"There is no such decision: it was never recorded, or it is older than decisions are kept.")
	errPageToken = fault.New(fault.Invalid, typev1.Reason_REASON_INVALID_FIELD,
		"Some fields of the request break their rules: correct those that BadRequest names.").
		Field("page_token", "must be the next_page_token of the page before")
)
