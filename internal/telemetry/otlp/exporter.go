package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/doorward/doorward/internal/telemetry"
)

// stopGrace is how long spans that wait may take to leave at the end.
const stopGrace = 3 * time.Second

// Config is what an exporter needs.
type Config struct {
	// Environ is the process's environment, as os.Environ gives it.
	Environ []string
	// Version is the binary's, for service.version.
	Version    string
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Exporter sends the spans of a process. A nil one makes and sends none.
type Exporter struct {
	processor sdktrace.SpanProcessor
	version   string
	logger    *slog.Logger
}

// FromEnvironment opens the exporter that the environment asks for, or returns nil where it asks for none. It waits for no
// collector: spans are lost until one is there, which is logged and counted.
func FromEnvironment(ctx context.Context, cfg Config) (*Exporter, error) {
	on, err := wanted(cfg.Environ)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	if !on {
		return nil, nil //nolint:nilnil // off is one of the two answers
	}
	next, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: open the exporter; look at the OTEL_ variables: %w", err)
	}
	return New(next, cfg)
}

// New sends spans to any exporter; tests keep them in memory.
func New(next sdktrace.SpanExporter, cfg Config) (*Exporter, error) {
	if cfg.Logger == nil || cfg.Registerer == nil {
		return nil, errors.New("traces: a logger and a metrics registerer are needed")
	}
	spans := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "doorward_trace_spans_total", Help: "Spans that left for the collector, by outcome: sent, lost.",
	}, []string{"outcome"})
	for _, outcome := range []string{outcomeSent, outcomeLost} {
		spans.WithLabelValues(outcome) // shown from the start, as 0
	}
	if err := cfg.Registerer.Register(spans); err != nil {
		return nil, fmt.Errorf("traces: metrics: %w", err)
	}
	// It owns one goroutine and a queue of 2048 spans; what doesn't fit is dropped, and nobody waits.
	processor := sdktrace.NewBatchSpanProcessor(&scrubber{next: next, logger: cfg.Logger, spans: spans})
	return &Exporter{processor: processor, version: cfg.Version, logger: cfg.Logger}, nil
}

// For is the tracing of one service of the process.
func (e *Exporter) For(service string) telemetry.Tracing {
	if e == nil {
		return telemetry.Tracing{}
	}
	return telemetry.NewTracing(sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(e.processor),
		sdktrace.WithResource(e.resource(service)),
	))
}

// resource says whose spans they are. Detectors of host and process stay out: a command line may hold what it shouldn't.
func (e *Exporter) resource(service string) *resource.Resource {
	ours := resource.NewSchemaless(
		attribute.String("service.name", "doorward-"+service),
		attribute.String("service.version", e.version),
	)
	// OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, which win; what can't be read of them is left out.
	theirs, err := resource.New(context.Background(), resource.WithFromEnv())
	if err != nil {
		e.logger.LogAttrs(context.Background(), slog.LevelWarn, "OTEL_RESOURCE_ATTRIBUTES can't be read", slog.Any("error", err))
	}
	merged, err := resource.Merge(ours, theirs)
	if err != nil {
		return ours
	}
	return merged
}

// Run waits for ctx to end, and sends the spans that wait. Stop it after all that makes spans.
func (e *Exporter) Run(ctx context.Context) error {
	<-ctx.Done()
	if e == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	if err := e.processor.Shutdown(ctx); err != nil {
		e.logger.LogAttrs(ctx, slog.LevelWarn, "the last spans didn't reach their collector", slog.Any("error", err))
	}
	return nil
}
