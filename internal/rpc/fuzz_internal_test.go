package rpc

import (
	"context"
	"strings"
	"testing"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/telemetry"
)

// FuzzRequestID sends any request ids. The call goes on under the caller's, when that is one that can stand in a log line as it is, and else under a new one.
func FuzzRequestID(f *testing.F) {
	for _, given := range []string{"req_01", "0af7651916cd43dd8448eb211c80319c", "short", "a b c d e f", "level=ERROR", "12345678\n", strings.Repeat("x", 65), "é12345678"} {
		f.Add(given, "", uint8(1))
	}
	f.Add("12345678", "87654321", uint8(2))
	now := func() time.Time { return time.Unix(1772366400, 0) }
	f.Fuzz(func(t *testing.T, first, second string, headers uint8) {
		values := []string{first, second}[:headers%3]
		ctx := metadata.NewIncomingContext(t.Context(), metadata.MD{RequestIDKey: values})
		var got string
		err := withRequestID(now)(ctx, &call{unary: func(ctx context.Context, _ any) (any, error) {
			got = telemetry.RequestID(ctx)
			return nil, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if taken := len(values) == 1 && got == first; !taken && !id.Valid("req", got) {
			t.Errorf("%q goes on as %q", values, got)
		}
		if len(got) < 8 || len(got) > 64 || strings.Trim(got, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("%q can forge a log line", got)
		}
	})
}

// FuzzValidate holds any request to its rules. One that breaks them is refused with a bounded list of fields, which names what is wrong and shows nothing
// of what was sent: it may be a password. One that passes has no text or bytes without a bound.
func FuzzValidate(f *testing.F) {
	requests := []func() proto.Message{
		func() proto.Message { return new(authnv1.StartSignInRequest) },
		func() proto.Message { return new(authnv1.ContinueRequest) },
		func() proto.Message { return new(authnv1.RefreshSessionRequest) },
		func() proto.Message { return new(authnv1.VerifySessionRequest) },
		func() proto.Message { return new(riskv1.AssessRequest) },
		func() proto.Message { return new(notifyv1.ConfirmContainmentRequest) },
	}
	client := &typev1.ClientContext{Ip: "192.0.2.1", UserAgent: "Mozilla/5.0", DeviceSecret: "planted-device-secret\x00"}
	for i, seed := range []proto.Message{
		&authnv1.StartSignInRequest{Client: client, Email: strings.Repeat("planted", 200)},
		&authnv1.ContinueRequest{Client: client, AttemptId: "planted-attempt", Answer: &authnv1.ContinueRequest_Code{Code: "planted-code"}},
		&authnv1.RefreshSessionRequest{Client: client, RefreshToken: strings.Repeat("planted-token", 100)},
		&authnv1.VerifySessionRequest{SessionToken: strings.Repeat("planted-token", 1000)},
		&riskv1.AssessRequest{Ip: "planted-address", AccountKey: []byte("planted-key")},
		&notifyv1.ConfirmContainmentRequest{DeliveryId: "planted/delivery", ContainToken: strings.Repeat("planted", 50)},
	} {
		data, err := proto.Marshal(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), data)
	}
	rules, err := protovalidate.New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		request := requests[int(kind)%len(requests)]()
		if proto.Unmarshal(data, request) != nil {
			return // gRPC refuses it
		}
		sent := texts(request.ProtoReflect())
		err := validate(rules, request)
		if err == nil {
			for _, text := range sent {
				if len(text) > 4096 {
					t.Errorf("%d bytes pass in a field of %s", len(text), request.ProtoReflect().Descriptor().Name())
				}
			}
			return
		}
		refused, ok := fault.As(err)
		if !ok || refused.Kind != fault.Invalid || len(refused.Fields) == 0 || len(refused.Fields) > maxViolations {
			t.Fatalf("%v isn't a list of fields", err)
		}
		for _, field := range refused.Fields {
			for _, text := range sent {
				if len(text) >= 8 && strings.Contains(field.Name+field.Problem+err.Error(), text) {
					t.Errorf("%s: %s shows %q", field.Name, field.Problem, text)
				}
			}
		}
	})
}

// texts are the texts and bytes of a message and of those in it.
func texts(m protoreflect.Message) []string {
	var found []string
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.IsList() || field.IsMap():
		case field.Kind() == protoreflect.StringKind:
			found = append(found, v.String())
		case field.Kind() == protoreflect.BytesKind:
			found = append(found, string(v.Bytes()))
		case field.Message() != nil:
			found = append(found, texts(v.Message())...)
		}
		return true
	})
	return found
}
