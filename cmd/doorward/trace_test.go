package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"google.golang.org/grpc"

	"github.com/doorward/doorward/cmd/doorward/internal/story"
	doorward "github.com/doorward/doorward/sdk"
)

// TestTracesLeadThroughEveryService plays the story with an application that traces its own work, and a collector that everybody sends to.
func TestTracesLeadThroughEveryService(t *testing.T) {
	c := startCollector(t)
	d := startDev(t, filepath.Join(t.TempDir(), "d"), "OTEL_EXPORTER_OTLP_ENDPOINT="+c.address)
	w := d.world(t)
	w.Report = func(story.Step) {}
	provider := applicationTraces(t)
	w.Doorward = tracedClient(t, d, provider)

	ctx, root := provider.Tracer("shop").Start(t.Context(), "sign-ins")
	must(t, story.Play(ctx, w))
	root.End()
	must(t, provider.Shutdown(t.Context()))
	d.stop()

	const attempts, alerts = "doorward.authn.v1.AttemptService/", "doorward.authn.v1.AlertService/PrepareAlert"
	assess := "doorward.risk.v1.RiskService/Assess"
	expectEdges(t, "the application's", c.edges(root.SpanContext().TraceID().String()), []string{
		"shop sign-ins",
		"shop " + attempts + "StartSignUp < shop sign-ins",
		"authn " + attempts + "StartSignUp < shop " + attempts + "StartSignUp",
		// Application → authn → risk.
		"authn " + assess + " < authn " + attempts + "StartSignUp",
		"risk " + assess + " < authn " + assess,
		// authn → NATS → notify: a code; risk learns of the sign-in by the same way.
		"notify process DOORWARD_MAIL < authn " + attempts + "Prepare",
		"risk process DOORWARD_AUTHN < authn " + attempts + "Continue",
		// The alert, for which notify asks authn.
		"notify process DOORWARD_AUTHN < authn " + attempts + "Continue",
		"notify " + alerts + " < notify process DOORWARD_AUTHN",
		"authn " + alerts + " < notify " + alerts,
	})
	// The owner's answer: browser → portal → notify → NATS → authn → NATS → notify.
	const confirm, post = "doorward.notify.v1.ContainmentService/ConfirmContainment", "portal POST /contain/{delivery}/{token}"
	expectEdges(t, "the owner's answer's", c.edges(c.traceOf("notify "+confirm)), []string{
		post,
		"portal " + confirm + " < " + post,
		"notify " + confirm + " < portal " + confirm,
		"authn process DOORWARD_COMMANDS < notify " + confirm,
		"notify process DOORWARD_AUTHN < authn process DOORWARD_COMMANDS",
	})

	for what, pattern := range map[string]*regexp.Regexp{
		"a mail address":  regexp.MustCompile(`@example\.com`),
		"a token or key":  regexp.MustCompile(`\b(ats|cnt|dvs|dwk|rft)_|\beyJ`),
		"an IP address":   regexp.MustCompile(`\b[0-9]{1,3}(\.[0-9]{1,3}){3}\b`),
		"a user agent":    regexp.MustCompile(`Mozilla`),
		"an alert's path": regexp.MustCompile(`/contain/dlv`),
	} {
		if found := pattern.FindString(c.text(t)); found != "" {
			t.Errorf("the spans hold %s: %s", what, found)
		}
	}
}

func expectEdges(t *testing.T, whose string, got, want []string) {
	t.Helper()
	for _, edge := range want {
		if !slices.Contains(got, edge) {
			t.Errorf("%s trace has no span %q; it has\n%q", whose, edge, got)
		}
	}
}

// applicationTraces are an application's own, sent to the same collector.
func applicationTraces(t *testing.T) *sdktrace.TracerProvider {
	t.Helper()
	exporter, err := otlptracegrpc.New(t.Context())
	must(t, err)
	return sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(semconv.ServiceName("shop"))))
}

// tracedClient is the application's client, wired as its docs say.
func tracedClient(t *testing.T, d *dev, provider *sdktrace.TracerProvider) *doorward.Client {
	t.Helper()
	env := d.env(t, "dev.env")
	client, err := doorward.New(doorward.Config{
		Address: env.Get("DOORWARD_ADDRESS"), APIKey: doorward.SecretOf(env.Get("DOORWARD_API_KEY")),
		CAFile: env.Get("DOORWARD_CA"), ServerName: env.Get("DOORWARD_SERVER_NAME"),
		SolveChallenges: true,
		DialOptions: []grpc.DialOption{grpc.WithStatsHandler(otelgrpc.NewClientHandler(
			otelgrpc.WithTracerProvider(provider), otelgrpc.WithPropagators(propagation.TraceContext{}),
		))},
	})
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}
