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
)
