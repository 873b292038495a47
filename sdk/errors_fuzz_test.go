package doorward_test

import (
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
)

// FuzzFailure reads any status that a server may answer with. A reason is one that the contract has, and a wait is never negative: applications sleep it.
func FuzzFailure(f *testing.F) {
	for _, detail := range []proto.Message{
		&errdetails.ErrorInfo{Domain: "doorward", Reason: "API_KEY_INVALID"},
		&errdetails.ErrorInfo{Domain: "example.com", Reason: "API_KEY_INVALID"},
		&errdetails.ErrorInfo{Domain: "doorward", Reason: "NONE_OF_OURS"},
		&errdetails.RetryInfo{RetryDelay: &durationpb.Duration{Seconds: 3}},
		&errdetails.RetryInfo{RetryDelay: &durationpb.Duration{Seconds: -3}},
		&errdetails.RetryInfo{RetryDelay: &durationpb.Duration{Seconds: 315_576_000_000}},
	} {
		packed, err := anypb.New(detail)
		if err != nil {
			f.Fatal(err)
		}
		data, err := proto.Marshal(&spb.Status{Code: int32(codes.Unavailable), Details: []*anypb.Any{packed}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s spb.Status
		if proto.Unmarshal(data, &s) != nil || s.GetCode() == 0 {
			return // gRPC makes no error of it
		}
		err := status.ErrorProto(&s)
		reason, ok := doorward.ReasonOf(err)
		if _, known := typev1.Reason_name[int32(reason)]; !known || !ok && reason != typev1.Reason_REASON_UNSPECIFIED {
			t.Errorf("the reason %v, %t", reason, ok)
		}
		if wait, told := doorward.RetryAfter(err); wait < 0 || !told && wait != 0 {
			t.Errorf("a wait of %v, %t", wait, told)
		}
	})
}
