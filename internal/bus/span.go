package bus

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/doorward/doorward/internal/telemetry"
)

// handling is the context in which an event is handled: lines that are logged with it name the event and its trace, and what the handler
// causes belongs to that trace too. The span begun here is a child of the change that wrote the event.
func handling(ctx context.Context, tracing telemetry.Tracing, stream string, e Event) (context.Context, trace.Span) {
	ctx = telemetry.WithTraceparent(telemetry.WithEventID(ctx, e.ID), e.Traceparent)
	return tracing.Start(ctx, "process "+stream, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.type", "process"),
		attribute.String("messaging.destination.name", stream),
		attribute.String("messaging.message.id", e.ID),
		attribute.String("doorward.event.type", e.Type),
		attribute.Int64("doorward.delivery", int64(e.Delivery)),
	))
}

// settled ends the span with how the delivery did.
func settled(span trace.Span, outcome string, err error) {
	span.SetAttributes(attribute.String("doorward.outcome", outcome))
	telemetry.EndSpan(span, err)
}
