package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"
)

// Format is how log lines are written.
type Format string

// The formats: JSON for machines (the default), text for a terminal.
const (
	JSON Format = "json"
	Text Format = "text"
)

// LogConfig says how a process logs.
type LogConfig struct {
	// Writer takes the lines, each in one Write.
	Writer io.Writer
	// Format is JSON when empty.
	Format Format
	// Level is the least severe level that is written; the zero value is Info.
	Level slog.Level
}

// NewLogger makes the process's logger. It adds to each line what its context belongs
// to: the call's request id, the id of the event that is handled, and the trace.
func NewLogger(cfg LogConfig) (*slog.Logger, error) {
	opts := &slog.HandlerOptions{Level: cfg.Level, ReplaceAttr: redact}
	var h slog.Handler
	switch cfg.Format {
	case JSON, "":
		h = slog.NewJSONHandler(cfg.Writer, opts)
	case Text:
		h = slog.NewTextHandler(cfg.Writer, opts)
	default:
		return nil, fmt.Errorf("log format %q: use json or text", cfg.Format)
	}
	return slog.New(&handler{Handler: h}), nil
}

// handler adds the ids. A group that is opened on the logger would swallow them too,
// and a line still says which call it belongs to: that is enough.
type handler struct{ slog.Handler }

var _ slog.Handler = (*handler)(nil)

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	var ids [3]slog.Attr
	n := 0
	for _, id := range [...]struct{ name, value string }{
		{"request_id", RequestID(ctx)}, {"event_id", EventID(ctx)}, {"trace_id", traceID(ctx)},
	} {
		if id.value != "" {
			ids[n] = slog.String(id.name, id.value)
			n++
		}
	}
	if n > 0 {
		r = r.Clone()
		r.AddAttrs(ids[:n]...)
	}
	return h.Handler.Handle(ctx, r)
}

// traceID is the trace that ctx belongs to, under which a collector knows it.
func traceID(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.HasTraceID() {
		return ""
	}
	return span.TraceID().String()
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{Handler: h.Handler.WithAttrs(attrs)}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{Handler: h.Handler.WithGroup(name)}
}

const redacted = "[redacted]"

// secretNames are attribute names whose value is never printed. Matching is on the
// whole name, so that "api_key_id" or "code" (a gRPC code) stay readable.
var secretNames = map[string]bool{
	"password": true, "passphrase": true, "secret": true, "token": true, "api_key": true,
	"authorization": true, "cookie": true, "private_key": true, "device_secret": true,
	"access_token": true, "refresh_token": true, "session_token": true, "contain_token": true,
	"attempt_secret": true, "otp": true,
}

// redact is the net beneath the types that redact themselves. Proto messages are
// caught because their text ignores debug_redact.
func redact(_ []string, a slog.Attr) slog.Attr {
	if secretNames[strings.ToLower(a.Key)] {
		return slog.String(a.Key, redacted)
	}
	if a.Value.Kind() == slog.KindAny {
		if _, isMessage := a.Value.Any().(proto.Message); isMessage {
			return slog.String(a.Key, redacted)
		}
	}
	return a
}
