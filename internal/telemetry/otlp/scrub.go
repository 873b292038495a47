package otlp

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// allowed are the attributes that leave the process. Each has values from a closed set, but for the ids of events, which
// name nobody. Addresses, paths, user agents and texts of errors aren't here: they name people or hold what they sent.
var allowed = map[attribute.Key]bool{
	"rpc.system.name":            true,
	"rpc.method":                 true,
	"rpc.response.status_code":   true,
	"messaging.system":           true,
	"messaging.operation.type":   true,
	"messaging.operation.name":   true,
	"messaging.destination.name": true,
	"messaging.message.id":       true,
	"doorward.event.type":        true,
	"doorward.delivery":          true,
	"doorward.outcome":           true,
	"http.route":                 true,
	"http.response.status_code":  true,
	"error.type":                 true,
}

// scrubber passes on what is allowed of each span. A failure ends here: the log and a metric say it once, and the SDK,
// which would tell its global handler, hears of none.
type scrubber struct {
	next   sdktrace.SpanExporter
	logger *slog.Logger
	spans  *prometheus.CounterVec
	failed bool // the processor exports one batch at a time
}

var _ sdktrace.SpanExporter = (*scrubber)(nil)

// The values of the label "outcome".
const (
	outcomeSent = "sent"
	outcomeLost = "lost"
)

// ExportSpans implements sdktrace.SpanExporter.
func (s *scrubber) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	clean := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, span := range spans {
		clean[i] = scrubbed{span}
	}
	err := s.next.ExportSpans(ctx, clean)
	s.count(ctx, len(spans), err)
	return nil
}

func (s *scrubber) count(ctx context.Context, n int, err error) {
	outcome := outcomeSent
	if err != nil {
		outcome = outcomeLost
	}
	s.spans.WithLabelValues(outcome).Add(float64(n))
	switch {
	case err != nil && !s.failed:
		s.logger.LogAttrs(ctx, slog.LevelWarn, "traces don't reach their collector; spans are lost until they do", slog.Any("error", err))
	case err == nil && s.failed:
		s.logger.LogAttrs(ctx, slog.LevelInfo, "traces reach their collector again")
	}
	s.failed = err != nil
}

// Shutdown implements sdktrace.SpanExporter.
func (s *scrubber) Shutdown(ctx context.Context) error { return s.next.Shutdown(ctx) }

// scrubbed is a span without what isn't allowed.
type scrubbed struct{ sdktrace.ReadOnlySpan }

func (s scrubbed) Attributes() []attribute.KeyValue { return allowedOf(s.ReadOnlySpan.Attributes()) }

// Events would be the texts of errors.
func (scrubbed) Events() []sdktrace.Event { return nil }

// Links keep which spans they lead to.
func (s scrubbed) Links() []sdktrace.Link {
	links := append([]sdktrace.Link(nil), s.ReadOnlySpan.Links()...)
	for i := range links {
		links[i].Attributes = nil
	}
	return links
}

// Status keeps the code. Its description is the answer's text, which was meant for the caller.
func (s scrubbed) Status() sdktrace.Status {
	return sdktrace.Status{Code: s.ReadOnlySpan.Status().Code}
}

func allowedOf(attrs []attribute.KeyValue) []attribute.KeyValue {
	kept := make([]attribute.KeyValue, 0, len(attrs))
	for _, a := range attrs {
		if allowed[a.Key] {
			kept = append(kept, a)
		}
	}
	return kept
}
