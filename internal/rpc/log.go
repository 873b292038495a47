package rpc

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doorward/doorward/internal/fault"
)

// callLog writes a line for calls that failed and unary calls that were slow. A
// line for every call would halve the server's throughput; metrics count those.
// Calls that are refused under load have no line each either.
type callLog struct {
	logger *slog.Logger
	now    func() time.Time
	slow   time.Duration
}

func (l *callLog) observe(ctx context.Context, c *call) error {
	err := c.next(ctx)
	took := l.now().Sub(c.began)
	switch {
	case c.shed:
	case err != nil:
		l.failed(ctx, c, took, err)
	case c.stream == nil && took > l.slow:
		l.logger.LogAttrs(ctx, slog.LevelWarn, "call was slow",
			slog.String("method", c.method), slog.Duration("duration", took), slog.Any("caller", c.caller))
	}
	return err
}

func (l *callLog) failed(ctx context.Context, c *call, took time.Duration, err error) {
	code := status.Code(err)
	level := levelOf(code)
	if !l.logger.Enabled(ctx, level) {
		return
	}
	l.logger.LogAttrs(ctx, level, "call failed",
		slog.String("method", c.method),
		slog.String("code", code.String()),
		slog.String("reason", fault.ReasonOf(err).String()),
		slog.Duration("duration", took),
		slog.Any("caller", c.caller),
		slog.Any("error", causeOf(err)))
}

// causeOf looks behind the public answer.
func causeOf(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return err
}

// levelOf keeps errors for what an operator must look at: a caller's mistakes are
// information, and one that hung up is nothing.
func levelOf(c codes.Code) slog.Level {
	switch c {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return slog.LevelError
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted:
		return slog.LevelWarn
	case codes.Canceled:
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}
