package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/telemetry"
)

// RequestIDKey is the metadata key under which a request id comes, goes on to the
// next service, and is answered.
const RequestIDKey = "x-request-id"

// withRequestID takes over the caller's request id when it is one, and makes one
// otherwise, when it is first needed. It is answered where somebody may ask for it:
// with a failure, and at the beginning of a stream.
func withRequestID(now func() time.Time) func(context.Context, *call) error {
	fresh := func() string { return id.New("req", now()) }
	return func(ctx context.Context, c *call) error {
		if given := givenRequestID(ctx); given != "" {
			ctx = telemetry.WithRequestID(ctx, given)
		} else {
			ctx = telemetry.DeferRequestID(ctx, fresh)
		}
		if c.stream != nil {
			answerRequestID(ctx)
		}
		err := c.next(ctx)
		if err != nil && c.stream == nil {
			answerRequestID(ctx)
		}
		return err
	}
}

func answerRequestID(ctx context.Context) {
	// It fails only when headers were sent already, which nobody has done yet.
	_ = grpc.SetHeader(ctx, metadata.Pairs(RequestIDKey, telemetry.RequestID(ctx)))
}

func givenRequestID(ctx context.Context) string {
	values := metadata.ValueFromIncomingContext(ctx, RequestIDKey)
	if len(values) != 1 || !wellFormed(values[0]) {
		return ""
	}
	return values[0]
}

// wellFormed admits 8 to 64 letters, digits, hyphens and underscores: long enough
// to be unique, and nothing that could forge a log line.
func wellFormed(requestID string) bool {
	if len(requestID) < 8 || len(requestID) > 64 {
		return false
	}
	for _, c := range []byte(requestID) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9'
		if !letter && !digit && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
