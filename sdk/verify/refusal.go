package verify

import (
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
)

// retryAfter is when a call that found something down is worth another try.
const retryAfter = time.Second

// Refusal is why a call isn't let in. Compare with errors.Is: what Verify returns may wrap one with its cause, which is
// for the log and not for the caller.
type Refusal struct {
	reason typev1.Reason
	status *status.Status
}

// The refusals.
var (
	ErrTokenMissing = refusal(codes.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_MISSING,
		"no session token: send it as authorization: Bearer … in the metadata")
	ErrTokenInvalid = refusal(codes.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_INVALID,
		"the session token isn't valid here: sign in again")
	ErrTokenExpired = refusal(codes.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_EXPIRED,
		"the session token has expired: refresh it")
	ErrSessionEnded = refusal(codes.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED,
		"the session has ended: sign in again")
	ErrRevocationsStale = refusal(codes.Unavailable, typev1.Reason_REASON_REVOCATIONS_STALE,
		"it can't be told whether the session was revoked: try again shortly")
	ErrKeysUnavailable = refusal(codes.Unavailable, typev1.Reason_REASON_UNAVAILABLE,
		"the keys to check the session token can't be had: try again shortly")
	ErrTooManyStreams = refusal(codes.ResourceExhausted, typev1.Reason_REASON_OVERLOADED,
		"too many streams are open: try again shortly")
)

func refusal(code codes.Code, reason typev1.Reason, message string) *Refusal {
	info := &errdetails.ErrorInfo{Domain: "doorward", Reason: reason.String()[len("REASON_"):]}
	details := []protoadapt.MessageV1{info}
	if code != codes.Unauthenticated {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)})
	}
	state, err := status.New(code, message).WithDetails(details...)
	if err != nil {
		state = status.New(code, message) // only an OK status takes no details
	}
	return &Refusal{reason: reason, status: state}
}

// Error is the text that the caller sees.
func (r *Refusal) Error() string { return r.status.Message() }

// Reason is the machine-readable cause.
func (r *Refusal) Reason() typev1.Reason { return r.reason }

// GRPCStatus is what goes on the wire.
func (r *Refusal) GRPCStatus() *status.Status { return r.status }

// onWire strips what was wrapped around a refusal, so that the caller sees the refusal alone. An error of another kind
// lets nobody in either.
func onWire(err error) error {
	if refused, ok := errors.AsType[*Refusal](err); ok {
		return refused
	}
	return ErrTokenInvalid
}
