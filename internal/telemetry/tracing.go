package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// scope names the spans that we make ourselves, beside those of gRPC.
const scope = "github.com/doorward/doorward"

// Tracing is how a service makes spans. It is passed in like a logger; the zero value makes none. What a span may say
// is a closed set (package otlp): methods, streams, routes, event types and codes, and nothing about anybody.
type Tracing struct{ provider trace.TracerProvider }

// NewTracing makes spans with a provider. A nil one makes none.
func NewTracing(provider trace.TracerProvider) Tracing { return Tracing{provider: provider} }

// Enabled says whether spans are made at all.
func (t Tracing) Enabled() bool { return t.provider != nil }

// Provider is for libraries that make their own spans. Ask Enabled first: spans that nobody keeps cost time too.
func (t Tracing) Provider() trace.TracerProvider {
	if t.provider == nil {
		return noop.NewTracerProvider()
	}
	return t.provider
}

// Start begins a span beneath the one in ctx. The caller ends it.
func (t Tracing) Start(ctx context.Context, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	return t.Provider().Tracer(scope).Start(ctx, name, opts...)
}

// EndSpan ends a span, as failed when there is an error. The error's text stays out of it: that is for the log.
func EndSpan(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// traceparent is the header of W3C Trace Context.
const traceparent = "traceparent"

// Propagator reads and writes the header traceparent alone. The others of the standards, tracestate and baggage, hold
// whatever their senders put there, and would be carried into spans and events.
func Propagator() propagation.TextMapPropagator { return propagator{} }

type propagator struct{}

func (propagator) Inject(ctx context.Context, to propagation.TextMapCarrier) {
	propagation.TraceContext{}.Inject(ctx, parentOnly{to})
}

func (propagator) Extract(ctx context.Context, from propagation.TextMapCarrier) context.Context {
	return propagation.TraceContext{}.Extract(ctx, parentOnly{from})
}

func (propagator) Fields() []string { return []string{traceparent} }

// parentOnly hides every other header.
type parentOnly struct{ propagation.TextMapCarrier }

func (c parentOnly) Get(key string) string {
	if key != traceparent {
		return ""
	}
	return c.TextMapCarrier.Get(key)
}

func (c parentOnly) Set(key, value string) {
	if key == traceparent {
		c.TextMapCarrier.Set(key, value)
	}
}

// Traceparent is the span in ctx as the header's value, to be kept with what the span causes later. It is empty where
// there is no span.
func Traceparent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	Propagator().Inject(ctx, carrier)
	return carrier[traceparent]
}

// WithTraceparent returns a context under whose header's span others are begun. A value that isn't one changes nothing.
func WithTraceparent(ctx context.Context, value string) context.Context {
	if value == "" {
		return ctx
	}
	return Propagator().Extract(ctx, propagation.MapCarrier{traceparent: value})
}
