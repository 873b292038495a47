package rpc_test

import (
	"context"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/telemetry"
)

// traced is a suite whose server and client make spans.
func traced(t *testing.T, h *handlers) (*suite, *grpc.ClientConn, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	tracing := telemetry.NewTracing(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	s := newSuite(t, h, func(c *rpc.ServerConfig) { c.Tracing = tracing })
	return s, s.dial(t, "authn", func(c *rpc.ClientConfig) { c.Tracing = tracing }), spans
}

func TestOneTraceLeadsThroughClientAndServer(t *testing.T) {
	var within trace.SpanContext
	s, conn, spans := traced(t, &handlers{do: func(ctx context.Context, _ *request) error {
		within = trace.SpanContextFromContext(ctx)
		return nil
	}})
	if err := call(t.Context(), conn, methodDo, valid()); err != nil {
		t.Fatal(err)
	}
	s.stop() // the server's span has ended
	parents := map[trace.SpanKind]trace.SpanID{}
	ids := map[trace.SpanKind]trace.SpanID{}
	for _, span := range spans.Ended() {
		if span.SpanContext().TraceID() != within.TraceID() {
			t.Errorf("%s is of another trace", span.Name())
		}
		if span.Name() != methodDo[1:] {
			t.Errorf("a span is named %q, want the method", span.Name())
		}
		parents[span.SpanKind()], ids[span.SpanKind()] = span.Parent().SpanID(), span.SpanContext().SpanID()
	}
	if len(ids) != 2 || parents[trace.SpanKindServer] != ids[trace.SpanKindClient] || ids[trace.SpanKindServer] != within.SpanID() {
		t.Errorf("spans %v have the parents %v, and the handler ran in %v", ids, parents, within.SpanID())
	}
}

// The name of a method that there isn't is a text that a stranger chose.
func TestUnknownMethodsAndHealthChecksAreNoSpans(t *testing.T) {
	s, _, spans := traced(t, &handlers{do: accept})
	plain := s.dial(t, "authn", nil)
	if err := call(t.Context(), plain, "/ada@example.com/Whatever", valid()); err == nil {
		t.Fatal("a method that there isn't answered")
	}
	if _, err := healthpb.NewHealthClient(plain).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
	if err := call(t.Context(), plain, methodDo, valid()); err != nil {
		t.Fatal(err)
	}
	s.stop()
	if all := spans.Started(); len(all) != 1 || all[0].Name() != methodDo[1:] {
		t.Errorf("%d spans, want the one of a method that there is", len(all))
	}
}

func TestWithoutTracingNothingIsPassedOn(t *testing.T) {
	var got metadata.MD
	s := newSuite(t, &handlers{do: func(ctx context.Context, _ *request) error {
		got, _ = metadata.FromIncomingContext(ctx)
		return nil
	}}, nil)
	ctx := telemetry.WithTraceparent(t.Context(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if err := call(ctx, s.dial(t, "authn", nil), methodDo, valid()); err != nil {
		t.Fatal(err)
	}
	if passed := got.Get("traceparent"); len(passed) != 0 {
		t.Errorf("traceparent %v was passed on", passed)
	}
}
