package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// FuzzFromStatus reads any status of another service. It gives a kind, a known reason and a wait that isn't negative; and passed on as it is, nothing of
// it reaches our own caller but what we say ourselves.
func FuzzFromStatus(f *testing.F) {
	const planted = "planted words of another service"
	for _, code := range []codes.Code{codes.Unavailable, codes.InvalidArgument, codes.DeadlineExceeded, 99} {
		s := &spb.Status{Code: int32(code), Message: planted}
		for _, detail := range []proto.Message{
			&errdetails.ErrorInfo{Domain: fault.Domain, Reason: "API_KEY_INVALID", Metadata: map[string]string{"x": planted}},
			&errdetails.RetryInfo{RetryDelay: &durationpb.Duration{Seconds: -1 << 60}},
			&typev1.Challenge{Algorithm: "SHA-256", Salt: planted, MaxNumber: -1},
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: planted, Description: planted}}},
		} {
			packed, err := anypb.New(detail)
			if err != nil {
				f.Fatal(err)
			}
			s.Details = append(s.Details, packed)
		}
		data, err := proto.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{0x08, 0x05, 0x1a, 0x00})
	f.Fuzz(func(t *testing.T, data []byte) {
		var s spb.Status
		if proto.Unmarshal(data, &s) != nil || s.GetCode() == 0 {
			return // gRPC makes no error of it
		}
		err := status.ErrorProto(&s)
		got := fault.FromStatus(err)
		if got.RetryAfter < 0 || fault.RetryAfterOf(err) != got.RetryAfter || fault.ReasonOf(err) != got.Reason || fault.ChallengeOf(err).GetSalt() != got.Challenge.GetSalt() {
			t.Errorf("%+v, but a wait of %v and the reason %v", got, fault.RetryAfterOf(err), fault.ReasonOf(err))
		}
		if _, known := typev1.Reason_name[int32(got.Reason)]; !known {
			t.Errorf("the reason %d isn't one", got.Reason)
		}
		told := fault.ToStatus(fmt.Errorf("ask another service: %w", got))
		if told.Code() == codes.OK || told.Message() == "" {
			t.Errorf("the caller is told %v", told)
		}
		for _, word := range append(words(got), s.GetMessage()) {
			if len(word) >= 12 && strings.Contains(told.Proto().String(), word) {
				t.Errorf("%q is passed on: %v", word, told)
			}
		}
		if fault.RetryAfterOf(told.Err()) > 24*time.Hour || !errors.As(err, new(interface{ GRPCStatus() *status.Status })) {
			t.Errorf("a wait of %v is passed on", fault.RetryAfterOf(told.Err()))
		}
	})
}

// words are the texts that a fault brought along.
func words(e *fault.Error) []string {
	var found []string
	for _, field := range e.Fields {
		found = append(found, field.Name, field.Problem, field.Reason)
	}
	for _, value := range e.Metadata {
		found = append(found, value)
	}
	found = append(found, e.Challenge.GetAlgorithm(), e.Challenge.GetChallenge(), e.Challenge.GetSalt(), e.Challenge.GetSignature())
	return found
}
