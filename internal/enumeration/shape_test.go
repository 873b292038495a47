package enumeration_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/enumeration"
	"github.com/doorward/doorward/internal/id"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// answer is what one caller is given.
type answer struct {
	response        proto.Message
	err             error
	header, trailer metadata.MD
	address         string
	at              time.Time
}

func (a answer) shape() string {
	return enumeration.ShapeOf(a.response, a.err, a.header, a.trailer, a.address, a.at)
}

// usual is an answer of every day, to an address at a moment.
func usual(address string, at time.Time) answer {
	return answer{
		response: &authnv1.StartSignInResponse{
			Attempt: &authnv1.Attempt{
				Id: id.New("att", at), Purpose: authnv1.Purpose_PURPOSE_SIGN_IN, Step: authnv1.Step_STEP_FIRST_FACTOR,
				Options:   []*authnv1.Option{{Factor: authnv1.Factor_FACTOR_PASSWORD}},
				ExpiresAt: timestamppb.New(at.Add(10*time.Minute + 3*time.Millisecond)),
			},
			AttemptSecret: "ats_" + strings.Repeat(address[:1], 43),
		},
		header:  metadata.Pairs("content-type", "application/grpc", "x-request-id", id.New("req", at)),
		address: address, at: at,
	}
}

func refused(address string, details ...protoadapt.MessageV1) answer {
	s, err := status.New(codes.ResourceExhausted, "too many failures for "+address).WithDetails(details...)
	if err != nil {
		panic(err)
	}
	return answer{err: s.Err(), address: address, at: noon}
}

func reason(r typev1.Reason, metadata map[string]string) *errdetails.ErrorInfo {
	return &errdetails.ErrorInfo{Reason: r.String(), Domain: "doorward", Metadata: metadata}
}

func wait(d time.Duration) *errdetails.RetryInfo {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(d)}
}

func TestWhatDiffersBetweenAnyTwoAnswersIsNoShape(t *testing.T) {
	tests := map[string][2]answer{
		"ids, secrets, moments and request ids": {usual("a@example.org", noon), usual("b@example.org", noon.Add(time.Hour))},
		"the address in a text": {
			refused("a@example.org", reason(typev1.Reason_REASON_TOO_MANY_FAILURES, nil)),
			refused("b@example.org", reason(typev1.Reason_REASON_TOO_MANY_FAILURES, nil)),
		},
		"how long to wait": {refused("a@example.org", wait(time.Second)), refused("a@example.org", wait(20*time.Second))},
	}
	for name, pair := range tests {
		t.Run(name, func(t *testing.T) {
			if one, other := pair[0].shape(), pair[1].shape(); one != other {
				t.Errorf("%s\n%s", one, other)
			}
		})
	}
}

func TestAllElseIsShape(t *testing.T) {
	const address = "a@example.org"
	attempt := func(change func(*authnv1.StartSignInResponse)) answer {
		a := usual(address, noon)
		change(a.response.(*authnv1.StartSignInResponse))
		return a
	}
	said := func(change func(*answer)) answer {
		a := usual(address, noon)
		change(&a)
		return a
	}
	tooMany := reason(typev1.Reason_REASON_TOO_MANY_FAILURES, nil)
	tests := map[string][2]answer{
		"a step":    {usual(address, noon), attempt(func(r *authnv1.StartSignInResponse) { r.Attempt.Step = authnv1.Step_STEP_DONE })},
		"an option": {usual(address, noon), attempt(func(r *authnv1.StartSignInResponse) { r.Attempt.Options = nil })},
		"one in two": {usual(address, noon), attempt(func(r *authnv1.StartSignInResponse) {
			r.Attempt.Options = append(r.Attempt.Options, r.Attempt.Options[0])
		})},
		"a field that is set": {usual(address, noon), attempt(func(r *authnv1.StartSignInResponse) {
			r.Attempt.LastAnswer = &authnv1.LastAnswer{}
		})},
		"a lifetime": {usual(address, noon), attempt(func(r *authnv1.StartSignInResponse) {
			r.Attempt.ExpiresAt = timestamppb.New(noon.Add(20 * time.Minute))
		})},
		"a secret's length": {usual(address, noon), attempt(func(r *authnv1.StartSignInResponse) { r.AttemptSecret += "x" })},
		"an id's kind": {usual(address, noon), attempt(func(r *authnv1.StartSignInResponse) {
			r.Attempt.Id = id.New("usr", noon)
		})},
		"a field of a newer release": {usual(address, noon), attempt(func(r *authnv1.StartSignInResponse) {
			r.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 1000, protowire.VarintType), 1))
		})},
		"a header":         {usual(address, noon), said(func(a *answer) { a.header.Append("x-cache", "hit") })},
		"a header's value": {usual(address, noon), said(func(a *answer) { a.header.Set("content-type", "application/grpc+proto") })},
		"a trailer":        {usual(address, noon), said(func(a *answer) { a.trailer = metadata.Pairs("retry-after", "1") })},
		"an error":         {usual(address, noon), refused(address)},
		"a reason":         {refused(address, tooMany), refused(address, reason(typev1.Reason_REASON_BLOCKED, nil))},
		"its metadata":     {refused(address, tooMany), refused(address, reason(typev1.Reason_REASON_TOO_MANY_FAILURES, map[string]string{"by": "lock"}))},
		"a wait":           {refused(address, tooMany), refused(address, tooMany, wait(time.Second))},
		"a detail":         {refused(address), refused(address, tooMany)},
	}
	for name, pair := range tests {
		t.Run(name, func(t *testing.T) {
			if one, other := pair[0].shape(), pair[1].shape(); one == other {
				t.Errorf("both are %s", one)
			}
		})
	}
}

func TestAShapeHoldsNoSecret(t *testing.T) {
	a := usual("a@example.org", noon)
	if held := a.response.(*authnv1.StartSignInResponse).GetAttemptSecret(); strings.Contains(a.shape(), held) {
		t.Errorf("it is in %s", a.shape())
	}
}

func TestACrowdsAddressesAreAlikeInAllButWhatTellsThemApart(t *testing.T) {
	crowd := enumeration.Crowd{Domain: "selftest.invalid", Batch: "1"}
	lengths, seen := map[int]bool{}, map[string]bool{}
	for _, state := range enumeration.States() {
		for _, n := range []int{0, 99_999} {
			address := crowd.Address(state, n)
			lengths[len(address)] = true
			if seen[address] || address[0] != 's' {
				t.Errorf("%s is there twice, or masked as no other is", address)
			}
			seen[address] = true
			if blocked := strings.HasSuffix(address, "@"+crowd.Blocked()); blocked != (state == enumeration.Restricted) {
				t.Errorf("%s of %s", address, state)
			}
		}
	}
	if len(lengths) != 1 {
		t.Errorf("lengths %v", lengths)
	}
}
