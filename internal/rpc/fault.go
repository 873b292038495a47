package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/telemetry"
)

// answer turns whatever the steps below returned into its public form. What went
// wrong inside is told with the request id, by which the log can be searched.
func answer(ctx context.Context, _ *call, next func(context.Context) error) error {
	err := next(ctx)
	if err == nil {
		return nil
	}
	if public := fault.Public(err); public.Kind == fault.Internal {
		err = public.With("request_id", telemetry.RequestID(ctx)).Because(err)
	}
	return fault.Answer(err)
}

var errPanic = errors.New("rpc: the handler panicked")

// recoverPanics answers INTERNAL for a panic. The log gets the stack, but not the
// panic's value unless the runtime made it: a handler may have panicked with
// anything, a request included.
func recoverPanics(logger *slog.Logger) interceptor {
	handle := recovery.WithRecoveryHandlerContext(func(ctx context.Context, value any) error {
		logger.LogAttrs(ctx, slog.LevelError, "handler panicked",
			slog.String("panic", describePanic(value)), slog.String("stack", string(debug.Stack())))
		return fault.New(fault.Internal, typev1.Reason_REASON_INTERNAL,
			"Something failed on our side. If it persists, give the operator the request id.").
			Because(errPanic)
	})
	return interceptor{
		name:   "recovery",
		unary:  recovery.UnaryServerInterceptor(handle),
		stream: recovery.StreamServerInterceptor(handle),
	}
}

func describePanic(value any) string {
	if err, ok := value.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a value of type %T", value)
}
