package fault

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
)

// Domain is the ErrorInfo domain of every status that Doorward answers with.
const Domain = "doorward"

// maxFields bounds what a status carries: it travels in HTTP/2 trailers, and a
// request with thousands of bad elements must not grow them past what a client takes.
const maxFields = 32

// maxFieldName cuts the names of fields: a path may hold the key of a map, which the caller chose.
const maxFieldName = 200

// Answer turns what a handler returned into what the wire may see. The result's
// status is ToStatus(err) and its text is the public message; err itself stays
// reachable through errors.As for the interceptors that log and count.
func Answer(err error) error {
	if err == nil {
		return nil
	}
	return &answer{status: ToStatus(err), err: err}
}

type answer struct {
	status *status.Status
	err    error
}

var _ interface{ GRPCStatus() *status.Status } = (*answer)(nil)

func (a *answer) Error() string              { return a.status.Err().Error() }
func (a *answer) Unwrap() error              { return a.err }
func (a *answer) GRPCStatus() *status.Status { return a.status }

// ToStatus gives the public form of err. A nil error gives OK.
func ToStatus(err error) *status.Status {
	if err == nil {
		return status.New(codes.OK, "")
	}
	e := Public(err)
	s, detailErr := status.New(e.Kind.Code(), e.Message).WithDetails(e.details()...)
	if detailErr != nil {
		// The details are messages of ours and always marshal; should one
		// not, its code is still right and the text says nothing.
		return status.New(e.Kind.Code(), "")
	}
	return s
}

// Public gives the fault that a caller is told for err.
func Public(err error) *Error {
	e, ok := As(err)
	switch {
	case ok && e.remote:
		return fromRemote(e)
	case ok:
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return timedOut.Because(err)
	case errors.Is(err, context.Canceled):
		return canceled.Because(err)
	default:
		return fromBare(err)
	}
}

// The answers to what isn't a fault. Their texts are fixed: nothing of the cause is in them.
var (
	internal = New(Internal, typev1.Reason_REASON_INTERNAL,
		"Something failed on our side. Try again; if it persists, give the operator the request id.")
	timedOut = New(DeadlineExceeded, typev1.Reason_REASON_UNAVAILABLE,
		"The call's deadline passed before it was done. Read the state, then try again with more time.")
	canceled    = New(Canceled, typev1.Reason_REASON_UNAVAILABLE, "The caller cancelled the call.")
	unavailable = New(Unavailable, typev1.Reason_REASON_UNAVAILABLE,
		"Something this service needs isn't answering. Try again with backoff.")
	unimplemented = New(Unimplemented, typev1.Reason_REASON_INTERNAL,
		"This server doesn't offer that method. Check the versions of client and server.")
)

// fromRemote judges a fault that another service answered with. That service is
// down or slow: so are we. Anything else it says is about our request to it.
func fromRemote(e *Error) *Error {
	switch e.Kind {
	case Unavailable:
		return unavailable.Because(e)
	case DeadlineExceeded:
		return timedOut.Because(e)
	case Canceled:
		return canceled.Because(e)
	default:
		return internal.Because(e)
	}
}

// fromBare judges an error that carries no fault. Three codes come from grpc
// itself (a stream that ended, a method left to the generated embedding) and keep
// their meaning, never their text.
func fromBare(err error) *Error {
	switch status.Code(err) {
	case codes.DeadlineExceeded:
		return timedOut.Because(err)
	case codes.Canceled:
		return canceled.Because(err)
	case codes.Unimplemented:
		return unimplemented.Because(err)
	default:
		return internal.Because(err)
	}
}

func (e *Error) details() []protoadapt.MessageV1 {
	details := []protoadapt.MessageV1{
		&errdetails.ErrorInfo{Domain: Domain, Reason: reasonName(e.Reason), Metadata: e.Metadata},
	}
	if e.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	}
	if e.Challenge != nil {
		details = append(details, protoadapt.MessageV1Of(e.Challenge))
	}
	if len(e.Fields) > 0 {
		bad := &errdetails.BadRequest{}
		for _, f := range e.Fields[:min(len(e.Fields), maxFields)] {
			bad.FieldViolations = append(bad.FieldViolations,
				&errdetails.BadRequest_FieldViolation{Field: clip(f.Name), Description: f.Problem, Reason: f.Reason})
		}
		details = append(details, bad)
	}
	return details
}

func clip(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), maxFieldName)], "")
}

// FromStatus reads the fault out of an error that a gRPC client got. An error
// that carries no Doorward details keeps its code and has no reason. The result
// is marked as remote: returned from a handler as it is, it isn't passed on.
//
// err must not be nil.
func FromStatus(err error) *Error {
	s := status.Convert(err)
	e := &Error{Kind: kindOf(s.Code()), Message: s.Message(), cause: contextCause(err, s.Code()), remote: true}
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			if d.GetDomain() == Domain {
				e.Reason = reasonNamed(d.GetReason())
				e.Metadata = d.GetMetadata()
			}
		case *errdetails.RetryInfo:
			e.RetryAfter = max(0, d.GetRetryDelay().AsDuration())
		case *typev1.Challenge:
			e.Challenge = d
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				e.Fields = append(e.Fields, Field{Name: v.GetField(), Problem: v.GetDescription(), Reason: v.GetReason()})
			}
		}
	}
	return e
}

// contextCause lets errors.Is(err, context.DeadlineExceeded) hold for a client's
// own deadline, which grpc reports as a status.
func contextCause(err error, c codes.Code) error {
	switch c {
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	case codes.Canceled:
		return context.Canceled
	}
	if _, isStatus := status.FromError(err); isStatus {
		return nil
	}
	return err
}

// ReasonOf is the reason in err, on either side of the wire: of the fault in its
// chain or of the status that it is. Without one it is the unspecified reason.
func ReasonOf(err error) typev1.Reason {
	if e, ok := read(err); ok {
		return e.Reason
	}
	return typev1.Reason_REASON_UNSPECIFIED
}

// KindOf is the kind of err, on either side of the wire; Internal when nothing says.
func KindOf(err error) Kind {
	if e, ok := read(err); ok {
		return e.Kind
	}
	return Internal
}

// RetryAfterOf is how long err asks to wait; zero when it doesn't say.
func RetryAfterOf(err error) time.Duration {
	if e, ok := read(err); ok {
		return e.RetryAfter
	}
	return 0
}

// ChallengeOf is what err asks to solve; nil when it asks for nothing.
func ChallengeOf(err error) *typev1.Challenge {
	if e, ok := read(err); ok {
		return e.Challenge
	}
	return nil
}

func read(err error) (*Error, bool) {
	if err == nil {
		return nil, false
	}
	if e, ok := As(err); ok {
		return e, true
	}
	if _, ok := status.FromError(err); ok {
		return FromStatus(err), true
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Public(err), true
	}
	return nil, false
}
