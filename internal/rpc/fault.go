package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"

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
	return fault.Answer(err)
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
