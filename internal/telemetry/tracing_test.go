package telemetry_test

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/doorward/doorward/internal/telemetry"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestZeroTracingMakesNoSpan(t *testing.T) {
	for name, off := range map[string]telemetry.Tracing{"zero": {}, "without a provider": telemetry.NewTracing(nil)} {
		if off.Enabled() {
			t.Errorf("%s: it is on", name)
		}
		ctx, span := off.Start(t.Context(), "work")
		if span.IsRecording() || telemetry.Traceparent(ctx) != "" {
			t.Errorf("%s: a span was made", name)
		}
		telemetry.EndSpan(span, nil)
	}
}

func TestTraceparentGoesThere(t *testing.T) {
	tracing := telemetry.NewTracing(sdktrace.NewTracerProvider())
	ctx, span := tracing.Start(t.Context(), "cause")
	kept := telemetry.Traceparent(ctx)
	got := trace.SpanContextFromContext(telemetry.WithTraceparent(t.Context(), kept))
	want := span.SpanContext()
	if got.TraceID() != want.TraceID() || got.SpanID() != want.SpanID() || !got.IsSampled() || !got.IsRemote() {
		t.Errorf("%q leads to %v, want %v", kept, got, want)
	}
}

func TestTraceparentThatIsNoneChangesNothing(t *testing.T) {
	for _, value := range []string{"", "none", strings.ToUpper(parent), parent[:54], parent + "-more", "ff" + parent[2:], strings.Repeat("0", 55)} {
		ctx := telemetry.WithTraceparent(t.Context(), value)
		if trace.SpanContextFromContext(ctx).IsValid() {
			t.Errorf("%q was taken for a traceparent", value)
		}
	}
}

// What a stranger puts into the headers beside traceparent would be carried into every event.
func TestPropagatorCarriesTraceparentAlone(t *testing.T) {
	given := propagation.MapCarrier{"traceparent": parent, "tracestate": "vendor=ada", "baggage": "user=ada"}
	ctx := telemetry.Propagator().Extract(t.Context(), given)
	passed := propagation.MapCarrier{}
	telemetry.Propagator().Inject(ctx, passed)
	if len(passed) != 1 || passed["traceparent"] != parent {
		t.Errorf("passed on: %v", passed)
	}
	if state := trace.SpanContextFromContext(ctx).TraceState().String(); state != "" {
		t.Errorf("tracestate %q was read", state)
	}
}
