package otlp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/doorward/doorward/internal/telemetry/otlp"
)

func config(out io.Writer, environ ...string) otlp.Config {
	return otlp.Config{
		Environ: environ, Version: "v0", Logger: slog.New(slog.NewTextHandler(out, nil)), Registerer: prometheus.NewRegistry(),
	}
}

func TestEnvironmentSwitchesTracesOn(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317"
	for name, c := range map[string]struct {
		environ []string
		on      bool
		fault   string
	}{
		"nothing":              {},
		"an endpoint":          {environ: []string{endpoint}, on: true},
		"one for traces":       {environ: []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://collector:4317"}, on: true},
		"disabled":             {environ: []string{endpoint, "OTEL_SDK_DISABLED=true"}},
		"no exporter":          {environ: []string{endpoint, "OTEL_TRACES_EXPORTER=none"}},
		"said twice":           {environ: []string{endpoint, "OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, on: true},
		"another exporter":     {environ: []string{endpoint, "OTEL_TRACES_EXPORTER=console"}, fault: "OTEL_TRACES_EXPORTER"},
		"another protocol":     {environ: []string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, fault: "OTEL_EXPORTER_OTLP_PROTOCOL"},
		"no address":           {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=collector"}, fault: "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"a secret in the URL":  {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://user:hunter2@collector:4317"}, fault: "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"of others, unrelated": {environ: []string{"PATH=/bin", "OTELX=1"}},
	} {
		e, err := otlp.FromEnvironment(t.Context(), config(io.Discard, c.environ...))
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: error %v, want one that names %s and no secret", name, err, c.fault)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if on := e.For("authn").Enabled(); on != c.on {
			t.Errorf("%s: traces are on: %v, want %v", name, on, c.on)
		}
		stop(t, e)
	}
}

// stop runs an exporter that is told to stop.
func stop(t *testing.T, e *otlp.Exporter) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Run(ctx); err != nil {
		t.Error(err)
	}
}

// TestSpansReachACollector sends to a real collector's service over gRPC, as the environment says.
func TestSpansReachACollector(t *testing.T) {
	c := &collector{}
	server := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, c)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+l.Addr().String())
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	cfg := config(io.Discard, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+l.Addr().String())
	e, err := otlp.FromEnvironment(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range []string{"authn", "risk"} {
		_, span := e.For(service).Start(t.Context(), "work", trace.WithAttributes(
			attribute.String("http.route", "GET /"), attribute.String("user.email", "ada@example.com")))
		span.End()
	}
	stop(t, e)
	text := c.text(t)
	for _, want := range []string{"doorward-authn", "doorward-risk", "deployment.environment.name", "GET /", "work"} {
		if !strings.Contains(text, want) {
			t.Errorf("the collector got no %s", want)
		}
	}
	if strings.Contains(text, "ada@example.com") {
		t.Error("the collector got what isn't allowed")
	}
}

// collector keeps what it is sent.
type collector struct {
	collectorpb.UnimplementedTraceServiceServer
	mu   sync.Mutex
	sent []*collectorpb.ExportTraceServiceRequest
}

func (c *collector) Export(_ context.Context, r *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, r)
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// text is everything on the wire; strings stand in it as they are.
func (c *collector) text(t *testing.T) string {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []byte
	for _, r := range c.sent {
		wire, err := proto.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, wire...)
	}
	return string(all)
}

func TestSpansSayNothingThatIsNotAllowed(t *testing.T) {
	kept := &keeper{}
	e, err := otlp.New(kept, config(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	tracing := e.For("authn")
	_, other := tracing.Start(t.Context(), "other")
	_, span := tracing.Start(t.Context(), "work",
		trace.WithAttributes(attribute.String("rpc.method", "m"), attribute.String("client.address", "192.0.2.1"), attribute.String("url.path", "/contain/cnt_1")),
		trace.WithLinks(trace.Link{SpanContext: other.SpanContext(), Attributes: []attribute.KeyValue{attribute.String("user.email", "ada@example.com")}}))
	span.SetAttributes(attribute.String("exception.message", "ada@example.com"))
	span.RecordError(errors.New("ada@example.com is unknown"))
	span.AddEvent("ada@example.com")
	span.SetStatus(codes.Error, "ada@example.com is unknown")
	span.End()
	stop(t, e)

	got := kept.named("work")
	if got == nil {
		t.Fatal("no span came")
	}
	if want := []attribute.KeyValue{attribute.String("rpc.method", "m")}; !slices.Equal(got.Attributes(), want) {
		t.Errorf("attributes %v, want %v", got.Attributes(), want)
	}
	if got.Status() != (sdktrace.Status{Code: codes.Error}) {
		t.Errorf("status %v, want the code alone", got.Status())
	}
	if len(got.Events()) != 0 {
		t.Errorf("events %v, want none", got.Events())
	}
	if links := got.Links(); len(links) != 1 || links[0].SpanContext.TraceID() != other.SpanContext().TraceID() || len(links[0].Attributes) != 0 {
		t.Errorf("links %v, want the one without attributes", links)
	}
}

// keeper keeps spans, or fails.
type keeper struct {
	mu     sync.Mutex
	failed error
	spans  []sdktrace.ReadOnlySpan
}

func (k *keeper) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.spans = append(k.spans, spans...)
	return k.failed
}

func (k *keeper) Shutdown(context.Context) error { return nil }

func (k *keeper) named(name string) sdktrace.ReadOnlySpan {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.spans {
		if s.Name() == name {
			return s
		}
	}
	return nil
}

func TestCollectorThatIsAwayIsLoggedOnceAndCounted(t *testing.T) {
	// Two batches that fail, by a queue that is sent when it holds one span.
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
	var out bytes.Buffer
	cfg := config(&out)
	e, err := otlp.New(&keeper{failed: errors.New("connection refused")}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, span := e.For("authn").Start(t.Context(), "work")
		span.End()
	}
	stop(t, e)
	if n := strings.Count(out.String(), "traces don't reach their collector"); n != 1 {
		t.Errorf("it was logged %d times:\n%s", n, out.String())
	}
	want := "# HELP doorward_trace_spans_total Spans that left for the collector, by outcome: sent, lost.\n" +
		"# TYPE doorward_trace_spans_total counter\n" +
		"doorward_trace_spans_total{outcome=\"lost\"} 2\n" +
		"doorward_trace_spans_total{outcome=\"sent\"} 0\n"
	if err := testutil.GatherAndCompare(cfg.Registerer.(*prometheus.Registry), strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// A stop may not hang on a collector that doesn't answer.
func TestStopDoesNotWaitForTheCollectorForEver(t *testing.T) {
	e, err := otlp.New(hanging{}, config(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	_, span := e.For("authn").Start(t.Context(), "work")
	span.End()
	began := time.Now()
	stop(t, e)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

type hanging struct{}

func (hanging) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	<-ctx.Done()
	return ctx.Err()
}

func (hanging) Shutdown(context.Context) error { return nil }
