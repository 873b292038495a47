package rpc

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/telemetry"
)

// callLog writes a line for calls that failed and unary calls that were slow. A
// line for every call would halve the server's throughput; metrics count those.
// Calls that are refused under load have no line each either, nor have failures that
// strangers can cause: who needs no credentials to write a line could fill the disk.
type callLog struct {
	logger *slog.Logger
	now    func() time.Time
	slow   time.Duration
	// byDesign has the methods that may take longer.
	byDesign map[string]func() time.Duration
	// cheap has, for each reason that there is, what spares the log of cheap failures:
	// one stranger's must not hide another kind of them.
	cheap map[typev1.Reason]*telemetry.Sparing
}

func newCallLog(cfg ServerConfig) *callLog {
	l := &callLog{logger: cfg.Logger, now: cfg.Now, slow: cfg.SlowCall, byDesign: cfg.SlowByDesign, cheap: make(map[typev1.Reason]*telemetry.Sparing)}
	for reason := range typev1.Reason_name {
		l.cheap[typev1.Reason(reason)] = telemetry.NewSparing(cfg.Now)
	}
	return l
}

func (l *callLog) observe(ctx context.Context, c *call) error {
	err := c.next(ctx)
	took := l.now().Sub(c.began)
	switch {
	case c.shed:
	case err != nil:
		l.failed(ctx, c, took, err)
	case c.stream == nil && took > l.slowFrom(c.method):
		l.logger.LogAttrs(ctx, slog.LevelWarn, "call was slow",
			slog.String("method", c.method), slog.Duration("duration", took), slog.Any("caller", c.caller))
	}
	return err
}

// slowFrom is from when on a call is slow.
func (l *callLog) slowFrom(method string) time.Duration {
	if byDesign, known := l.byDesign[method]; known {
		return max(l.slow, byDesign())
	}
	return l.slow
}

func (l *callLog) failed(ctx context.Context, c *call, took time.Duration, err error) {
	code := status.Code(err)
	reason := fault.ReasonOf(err)
	level := levelOf(code, reason)
	if !l.logger.Enabled(ctx, level) {
		return
	}
	line := []slog.Attr{
		slog.String("method", c.method),
		slog.String("code", code.String()),
		slog.String("reason", reason.String()),
		slog.Duration("duration", took),
		slog.Any("caller", c.caller),
		slog.Any("error", causeOf(err)),
	}
	if level < slog.LevelError && isCheap(code, c.caller) {
		times, tell := l.sparing(reason).Happened()
		if !tell {
			return
		}
		line = append(line, slog.Int64("times", times))
	}
	l.logger.LogAttrs(ctx, level, "call failed", line...)
}

func (l *callLog) sparing(reason typev1.Reason) *telemetry.Sparing {
	if s, known := l.cheap[reason]; known {
		return s
	}
	return l.cheap[typev1.Reason_REASON_UNSPECIFIED]
}

// isCheap says whether a failure costs its caller nothing, who may cause as many as the
// line takes. An application's are those of all its users, and of any stranger on its
// pages, who types no address or an attempt that never was. Mistakes of operators and
// services are told one by one, and so is what failed on our side.
func isCheap(code codes.Code, caller access.Principal) bool {
	switch caller.Kind {
	case access.Operator, access.Service:
		return code == codes.Unauthenticated || code == codes.ResourceExhausted
	default:
		return true
	}
}

// causeOf looks behind the public answer.
func causeOf(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return err
}

// levelOf keeps errors for what an operator must look at: a caller's mistakes are
// information. One that hung up is nothing, and so is a challenge: with the default
// policy each sign-up is asked for one and comes again.
func levelOf(c codes.Code, reason typev1.Reason) slog.Level {
	if reason == typev1.Reason_REASON_CHALLENGE_REQUIRED {
		return slog.LevelDebug
	}
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
