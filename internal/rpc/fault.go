package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/telemetry"
)

// answer turns whatever the steps below returned into its public form. What went
// wrong inside is told with the request id, by which the log can be searched.
func answer(ctx context.Context, c *call) error {
	err := c.next(ctx)
	if err == nil {
		return nil
	}
	if public := fault.Public(err); public.Kind == fault.Internal {
		err = public.With("request_id", telemetry.RequestID(ctx)).Because(err)
	}
	if wait := fault.RetryAfterOf(err); wait > 0 {
		answerRetryAfter(ctx, wait)
	}
	return fault.Answer(err)
}

// retryAfterKey is the trailer that proxies and clients which don't read RetryInfo go by: whole seconds, as in HTTP.
const retryAfterKey = "retry-after"

func answerRetryAfter(ctx context.Context, wait time.Duration) {
	seconds := (wait + time.Second - 1) / time.Second
	// It fails only without a stream to answer on, as in a test.
	_ = grpc.SetTrailer(ctx, metadata.Pairs(retryAfterKey, strconv.FormatInt(int64(seconds), 10)))
}

var errPanic = errors.New("rpc: the handler panicked")

// recoverPanics answers INTERNAL for a panic. The log gets the stack, but not the
// panic's value unless the runtime made it: a handler may have panicked with
// anything, a request included.
func recoverPanics(logger *slog.Logger) func(context.Context, *call) error {
	return func(ctx context.Context, c *call) (err error) {
		defer func() {
			value := recover()
			if value == nil {
				return
			}
			logger.LogAttrs(ctx, slog.LevelError, "handler panicked",
				slog.String("panic", describePanic(value)), slog.String("stack", string(debug.Stack())))
			err = fault.New(fault.Internal, typev1.Reason_REASON_INTERNAL,
				"Something failed on our side. If it persists, give the operator the request id.").
				Because(errPanic)
		}()
		return c.next(ctx)
	}
}

func describePanic(value any) string {
	if err, ok := value.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a value of type %T", value)
}
