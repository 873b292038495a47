package bus_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/telemetry"
)

// cause is the trace of the change that wrote the tests' events: see row.
const cause = "0af7651916cd43dd8448eb211c80319c"

func recorded() (telemetry.Tracing, *tracetest.SpanRecorder) {
	spans := tracetest.NewSpanRecorder()
	return telemetry.NewTracing(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))), spans
}

// outcomes are how the ended spans' deliveries did, in their order, for the spans that belong to the events' cause.
func outcomes(spans *tracetest.SpanRecorder) []string {
	var out []string
	for _, s := range spans.Ended() {
		if s.SpanContext().TraceID().String() != cause || s.Parent().SpanID().String() != "b7ad6b7169203331" {
			continue
		}
		for _, a := range s.Attributes() {
			if a.Key == attribute.Key("doorward.outcome") {
				out = append(out, a.Value.AsString())
			}
		}
	}
	return out
}

func TestEachDeliveryIsASpanOfItsCausesTrace(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	tracing, spans := recorded()
	publish(t, n.as(bus.Authn), row("evt_1", "doorward.mail.code", "usr_1"))
	var logged lockedBuffer
	logger, err := telemetry.NewLogger(telemetry.LogConfig{Writer: &logged})
	must(t, err)
	c := n.as(bus.Notify)
	background(t, func(ctx context.Context) error {
		return bus.Consume(ctx, c, bus.ConsumeConfig{
			Stream: bus.StreamMail, Backoff: []time.Duration{time.Millisecond}, MaxDeliver: 3, Logger: logger, Metrics: metrics(t), Tracing: tracing,
			Handle: func(ctx context.Context, e bus.Event) error {
				if got := telemetry.EventID(ctx); got != "evt_1" {
					t.Errorf("the handler runs for event %q", got)
				}
				if got := telemetry.Traceparent(ctx); !strings.Contains(got, cause) {
					t.Errorf("what the handler causes is of the trace %q", got)
				}
				if e.Delivery == 1 {
					return errors.New("not yet")
				}
				return bus.Permanent(errors.New("never"))
			},
		})
	})
	eventually(t, "both deliveries are spans", func() bool { return strings.Join(outcomes(spans), " ") == "retry dead" })
	for _, s := range spans.Ended() {
		if s.Status() != (sdktrace.Status{Code: otelcodes.Error}) {
			t.Errorf("the span of a failure has the status %v", s.Status())
		}
	}
	for _, id := range []string{`"event_id":"evt_1"`, `"trace_id":"` + cause + `"`} {
		if !strings.Contains(logged.String(), id) {
			t.Errorf("the failures' lines lack %s:\n%s", id, logged.String())
		}
	}
}

// A view that is built anew reads months of events, which are no news to anybody's traces.
func TestViewMakesSpansOnlyOfNews(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	authn := n.as(bus.Authn)
	tracing, spans := recorded()
	publish(t, authn, row("evt_1", signin, "usr_1"), row("evt_2", signin, "usr_1"))
	view := &memory{}
	v, err := bus.NewView(n.as(bus.Risk), bus.FollowConfig{
		Stream: bus.StreamAuthn, Load: view.load, Handle: view.handle, Logger: quiet(), Metrics: metrics(t), Tracing: tracing,
	})
	must(t, err)
	background(t, v.Run)
	await(t, "the view has caught up", v.Ready())
	publish(t, authn, row("evt_3", signin, "usr_1"))
	eventually(t, "the news is a span", func() bool { return strings.Join(outcomes(spans), " ") == "done" })
	if all := len(spans.Started()); all != 1 {
		t.Errorf("%d spans of three events, want that of the news", all)
	}
}

// lockedBuffer is a log that a test reads while others write.
type lockedBuffer struct {
	mu  sync.Mutex
	all strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}
