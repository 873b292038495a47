package fault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// driverText is what must never leave the process.
const driverText = "pq: password authentication failed for user doorward at 10.0.0.7"

func locked() *fault.Error {
	return fault.New(fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES, "Wait, then try again.")
}

func TestKindsMapToCodesAndBack(t *testing.T) {
	tests := map[fault.Kind]codes.Code{
		fault.Internal:         codes.Internal,
		fault.Invalid:          codes.InvalidArgument,
		fault.Unauthenticated:  codes.Unauthenticated,
		fault.Denied:           codes.PermissionDenied,
		fault.NotFound:         codes.NotFound,
		fault.AlreadyExists:    codes.AlreadyExists,
		fault.Precondition:     codes.FailedPrecondition,
		fault.Aborted:          codes.Aborted,
		fault.Exhausted:        codes.ResourceExhausted,
		fault.Unavailable:      codes.Unavailable,
		fault.DeadlineExceeded: codes.DeadlineExceeded,
		fault.Canceled:         codes.Canceled,
		fault.Unimplemented:    codes.Unimplemented,
	}
	for kind, code := range tests {
		if got := kind.Code(); got != code {
			t.Errorf("%d.Code() = %v, want %v", kind, got, code)
		}
		if got := fault.KindOf(status.Error(code, "")); got != kind {
			t.Errorf("KindOf(%v) = %v, want %v", code, got, kind)
		}
	}
	if got := fault.Kind(99).Code(); got != codes.Internal {
		t.Errorf("an unknown kind has code %v, want Internal", got)
	}
	if got := fault.KindOf(status.Error(codes.DataLoss, "")); got != fault.Internal {
		t.Errorf("KindOf(DataLoss) = %v, want Internal", got)
	}
}

func TestClientReadsWhatServerAnswered(t *testing.T) {
	sent := locked().RetryIn(90*time.Second).
		Field("email", "must be a valid email address").
		Violation(fault.Field{Name: "new_password", Problem: "must have a digit", Reason: "PASSWORD_NO_DIGIT"}).
		With("scope", "assert").
		WithChallenge(&typev1.Challenge{Algorithm: "SHA-256", Salt: "a salt", MaxNumber: 1000}).
		Because(errors.New(driverText))

	got := fault.FromStatus(fault.ToStatus(fmt.Errorf("sign in: %w", sent)).Err())

	if !errors.Is(got, locked()) {
		t.Errorf("kind and reason = %v, %v; want those that were sent", got.Kind, got.Reason)
	}
	if got.Message != sent.Message || got.RetryAfter != sent.RetryAfter {
		t.Errorf("message, retry = %q, %v; want %q, %v", got.Message, got.RetryAfter, sent.Message, sent.RetryAfter)
	}
	if diff := cmp.Diff(sent.Fields, got.Fields); diff != "" {
		t.Errorf("fields (-sent +got):\n%s", diff)
	}
	if diff := cmp.Diff(sent.Metadata, got.Metadata); diff != "" {
		t.Errorf("metadata (-sent +got):\n%s", diff)
	}
	if !proto.Equal(sent.Challenge, got.Challenge) {
		t.Errorf("challenge = %v, want %v", got.Challenge, sent.Challenge)
	}
}

func TestReasonOfAgreesOnBothSides(t *testing.T) {
	want := typev1.Reason_REASON_TOO_MANY_FAILURES
	wrapped := fmt.Errorf("attempt: %w", locked().RetryIn(time.Second))
	for side, err := range map[string]error{
		"handler":              wrapped,
		"interceptor":          fault.Answer(wrapped),
		"client, bare status":  fault.ToStatus(wrapped).Err(),
		"client, fault":        fault.FromStatus(fault.ToStatus(wrapped).Err()),
		"client, wrapped once": fmt.Errorf("call: %w", fault.ToStatus(wrapped).Err()),
	} {
		if got := fault.ReasonOf(err); got != want {
			t.Errorf("%s: ReasonOf = %v, want %v", side, got, want)
		}
		if got := fault.KindOf(err); got != fault.Exhausted {
			t.Errorf("%s: KindOf = %v, want Exhausted", side, got)
		}
		if got := fault.RetryAfterOf(err); got != time.Second {
			t.Errorf("%s: RetryAfterOf = %v, want 1s", side, got)
		}
	}
	if got := fault.ReasonOf(nil); got != typev1.Reason_REASON_UNSPECIFIED {
		t.Errorf("ReasonOf(nil) = %v", got)
	}
}

func TestCauseNeverReachesTheWire(t *testing.T) {
	driver := errors.New(driverText)
	tests := map[string]error{
		"bare error":                  driver,
		"wrapped error":               fmt.Errorf("load user: %w", driver),
		"fault with cause":            locked().Because(driver),
		"wrapped fault with cause":    fmt.Errorf("%s: %w", driverText, locked().Because(driver)),
		"status of a library":         status.Error(codes.Unavailable, driverText),
		"unimplemented with text":     status.Error(codes.Unimplemented, driverText),
		"deadline around cause":       fmt.Errorf("%s: %w", driverText, context.DeadlineExceeded),
		"another service's answer":    fault.FromStatus(status.Error(codes.NotFound, driverText)),
		"another service unavailable": fault.FromStatus(status.Error(codes.Unavailable, driverText)),
	}
	for name, err := range tests {
		t.Run(name, func(t *testing.T) {
			answer := fault.Answer(err)
			s, ok := status.FromError(answer)
			if !ok {
				t.Fatalf("Answer(%v) is no status", err)
			}
			if wire := s.Proto().String() + answer.Error(); strings.Contains(wire, "10.0.0.7") {
				t.Errorf("the cause is on the wire: %s", wire)
			}
			if !errors.Is(answer, err) {
				t.Error("the cause is lost to the log")
			}
		})
	}
}

func TestOnlyOwnFaultsAreAnswered(t *testing.T) {
	denied := fault.New(fault.Denied, typev1.Reason_REASON_CALLER_NOT_ALLOWED, "No.")
	tests := []struct {
		name   string
		err    error
		code   codes.Code
		reason typev1.Reason
	}{
		{"own fault", denied, codes.PermissionDenied, typev1.Reason_REASON_CALLER_NOT_ALLOWED},
		{"unknown error", errors.New("disk"), codes.Internal, typev1.Reason_REASON_INTERNAL},
		{"status of a library", status.Error(codes.NotFound, "row"), codes.Internal, typev1.Reason_REASON_INTERNAL},
		{"method left unwritten", status.Error(codes.Unimplemented, "x"), codes.Unimplemented, typev1.Reason_REASON_INTERNAL},
		{"deadline", context.DeadlineExceeded, codes.DeadlineExceeded, typev1.Reason_REASON_UNAVAILABLE},
		{"cancelled", context.Canceled, codes.Canceled, typev1.Reason_REASON_UNAVAILABLE},
		{"stream deadline", status.Error(codes.DeadlineExceeded, "x"), codes.DeadlineExceeded, typev1.Reason_REASON_UNAVAILABLE},
		{"stream cancelled", status.Error(codes.Canceled, "x"), codes.Canceled, typev1.Reason_REASON_UNAVAILABLE},
		{"remote denied us", fault.FromStatus(fault.ToStatus(denied).Err()), codes.Internal, typev1.Reason_REASON_INTERNAL},
		{"remote is down", fault.FromStatus(status.Error(codes.Unavailable, "x")), codes.Unavailable, typev1.Reason_REASON_UNAVAILABLE},
		{"remote is slow", fault.FromStatus(status.Error(codes.DeadlineExceeded, "x")), codes.DeadlineExceeded, typev1.Reason_REASON_UNAVAILABLE},
		{"remote cancelled", fault.FromStatus(status.Error(codes.Canceled, "x")), codes.Canceled, typev1.Reason_REASON_UNAVAILABLE},
		{"remote as a cause", denied.Because(fault.FromStatus(status.Error(codes.Internal, "x"))), codes.PermissionDenied, typev1.Reason_REASON_CALLER_NOT_ALLOWED},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := fault.ToStatus(tt.err)
			if s.Code() != tt.code {
				t.Errorf("code = %v, want %v", s.Code(), tt.code)
			}
			if got := fault.ReasonOf(s.Err()); got != tt.reason {
				t.Errorf("reason = %v, want %v", got, tt.reason)
			}
		})
	}
}

func TestNilIsOK(t *testing.T) {
	if err := fault.Answer(nil); err != nil {
		t.Errorf("Answer(nil) = %v", err)
	}
	if got := fault.ToStatus(nil).Code(); got != codes.OK {
		t.Errorf("ToStatus(nil) = %v", got)
	}
}

func TestFaultsAreImmutable(t *testing.T) {
	sentinel := locked().Field("email", "is taken").With("k", "v")
	before := *sentinel
	_ = sentinel.Because(errors.New("x")).RetryIn(time.Hour).Field("other", "bad").With("k", "w").WithChallenge(&typev1.Challenge{})
	if sentinel.RetryAfter != before.RetryAfter || sentinel.Challenge != nil || len(sentinel.Fields) != 1 ||
		sentinel.Metadata["k"] != "v" || sentinel.Unwrap() != nil {
		t.Errorf("the sentinel changed: %+v", sentinel)
	}
}

func TestFieldsAreBounded(t *testing.T) {
	err := fault.New(fault.Invalid, typev1.Reason_REASON_INVALID_FIELD, "Correct the fields.")
	err = err.Field(strings.Repeat("é", 30_000), "must not be there")
	for i := range 1000 {
		err = err.Field(fmt.Sprintf("items[%d]", i), "must not be empty")
	}
	fields := fault.FromStatus(fault.ToStatus(err).Err()).Fields
	if got := len(fields); got != 32 {
		t.Errorf("%d fields on the wire, want 32", got)
	}
	if got := len(fields[0].Name); got > 200 {
		t.Errorf("a field's name has %d bytes on the wire, want at most 200", got)
	}
}

func TestReasonFromANewerServerKeepsItsCode(t *testing.T) {
	err := fault.New(fault.Precondition, typev1.Reason(9999), "Something new.")
	got := fault.FromStatus(fault.ToStatus(err).Err())
	if got.Kind != fault.Precondition || got.Reason != typev1.Reason_REASON_UNSPECIFIED {
		t.Errorf("kind, reason = %v, %v", got.Kind, got.Reason)
	}
}

func TestClientDeadlineIsFoundByErrorsIs(t *testing.T) {
	got := fault.FromStatus(status.FromContextError(context.DeadlineExceeded).Err())
	if !errors.Is(got, context.DeadlineExceeded) {
		t.Error("errors.Is(err, context.DeadlineExceeded) = false")
	}
}

func TestLogSeesTheCause(t *testing.T) {
	var out bytes.Buffer
	err := locked().Field("email", "is taken").Because(errors.New(driverText))
	slog.New(slog.NewTextHandler(&out, nil)).Info("call failed", "fault", err)
	for _, want := range []string{driverText, "TOO_MANY_FAILURES", "ResourceExhausted", "is taken"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %q: %s", want, out.String())
		}
	}
}
