package portal_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/protobuf/types/known/timestamppb"

	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/services/portal"
)

const (
	goodDelivery = "dlv_0000000001"
	goodToken    = "q7Xw-PLANTED-TOKEN_9f2c"
	goodPath     = "/contain/" + goodDelivery + "/" + goodToken
)

var noon = time.Date(2026, 3, 1, 12, 4, 0, 0, time.UTC)

// notify is a real gRPC server that knows one delivery and counts what it is asked.
type notify struct {
	notifyv1.UnimplementedContainmentServiceServer

	mu        sync.Mutex
	facts     *notifyv1.Containment
	err       error // answers every call, if set
	described int
	confirmed []*notifyv1.ConfirmContainmentRequest
}

func (n *notify) DescribeContainment(_ context.Context, in *notifyv1.DescribeContainmentRequest) (*notifyv1.DescribeContainmentResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.described++
	if err := n.judge(in.GetDeliveryId(), in.GetContainToken()); err != nil {
		return nil, err
	}
	return &notifyv1.DescribeContainmentResponse{Containment: n.facts}, nil
}

func (n *notify) ConfirmContainment(_ context.Context, in *notifyv1.ConfirmContainmentRequest) (*notifyv1.ConfirmContainmentResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.confirmed = append(n.confirmed, in)
	if err := n.judge(in.GetDeliveryId(), in.GetContainToken()); err != nil {
		return nil, err
	}
	if n.facts.GetConfirmedAt() == nil {
		n.facts.ConfirmedAt = timestamppb.New(noon.Add(5 * time.Minute))
	}
	return &notifyv1.ConfirmContainmentResponse{Containment: n.facts}, nil
}

func (n *notify) judge(delivery, token string) error {
	switch {
	case n.err != nil:
		return n.err
	case delivery != goodDelivery || token != goodToken:
		return fault.New(fault.Invalid, typev1.Reason_REASON_CONTAIN_TOKEN_INVALID, "The link isn't valid.")
	default:
		return nil
	}
}

func (n *notify) asked() (described, confirmed int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.described, len(n.confirmed)
}

// suite is a portal with its notify, and what it logged.
type suite struct {
	notify     *notify
	stopNotify func()
	url        string
	log        *logBuffer
	spans      *tracetest.SpanRecorder
	metrics    *prometheus.Registry
}

func start(t *testing.T, change func(*portal.Config)) *suite {
	t.Helper()
	s := &suite{
		notify: &notify{facts: &notifyv1.Containment{
			SignedInAt: timestamppb.New(noon),
			Device:     &typev1.Device{Browser: "Firefox 146", System: "Linux", Kind: typev1.DeviceKind_DEVICE_KIND_DESKTOP},
			Place:      &typev1.Place{CountryCode: "PT", CountryName: "Portugal"},
			Ip:         "203.0.113.7",
			Method:     "password and a mailed code",
		}},
		log:     &logBuffer{},
		spans:   tracetest.NewSpanRecorder(),
		metrics: prometheus.NewRegistry(),
	}
	logger, err := telemetry.NewLogger(telemetry.LogConfig{Writer: s.log, Level: slog.LevelDebug})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := certs.Create(dir, []string{"notify", "portal"}, certs.Options{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	cfg := portal.DefaultConfig()
	cfg.Listen, cfg.Certs, cfg.Product = "127.0.0.1:0", dir, "Notes"
	cfg.Notify = s.startNotify(t, dir)
	if change != nil {
		change(&cfg)
	}
	service, err := portal.New(t.Context(), cfg, portal.Deps{
		Logger: logger, Registerer: s.metrics, Now: time.Now,
		Tracing: telemetry.NewTracing(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s.spans))),
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, service.Run)
	s.url = "http://" + service.Addr().String()
	return s
}

// startNotify serves notify with the locks of the real one: the name portal alone may call.
func (s *suite) startNotify(t *testing.T, dir string) (address string) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	material, err := certs.Load(dir, "notify", quiet)
	if err != nil {
		t.Fatal(err)
	}
	row := access.Rule{Callers: access.Service, Services: []string{"portal"}, Limit: access.NoLimit(), Priority: access.Vital}
	server, err := rpc.NewServer(t.Context(), rpc.ServerConfig{
		Name: "notify", Address: "127.0.0.1:0", TLS: certs.ServerTLS(material, certs.ServicesOnly),
		Table: access.Table{
			notifyv1.ContainmentService_DescribeContainment_FullMethodName: row,
			notifyv1.ContainmentService_ConfirmContainment_FullMethodName:  row,
		},
		Authenticate: rpc.MTLSOnly, Logger: quiet, Registerer: prometheus.NewRegistry(), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	notifyv1.RegisterContainmentServiceServer(server, s.notify)
	s.stopNotify = run(t, server.Run)
	return server.Addr().String()
}

// run keeps a task for the test's length, or until the function it returns is called.
func run(t *testing.T, task func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- task(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// page is what a browser got.
type page struct {
	status int
	header http.Header
	body   string
}

// browser has TLS for those tests that need it, follows no redirects and keeps no cookies.
func (s *suite) do(t *testing.T, r *http.Request) page {
	t.Helper()
	client := &http.Client{
		Timeout:       10 * time.Second,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{status: response.StatusCode, header: response.Header, body: string(body)}
}

func (s *suite) request(t *testing.T, method, path, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *suite) get(t *testing.T, path string) page {
	t.Helper()
	return s.do(t, s.request(t, http.MethodGet, path, ""))
}

// post sends the form as a browser of today does.
func (s *suite) post(t *testing.T, path, form string) page {
	t.Helper()
	return s.do(t, s.form(t, path, form, nil))
}

// form is a request with the headers of a browser, changed by the given ones; an empty value removes one.
func (s *suite) form(t *testing.T, path, form string, headers map[string]string) *http.Request {
	t.Helper()
	r := s.request(t, http.MethodPost, path, form)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "null")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for name, value := range headers {
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	return r
}

func trusted(networks ...string) []netip.Prefix {
	prefixes := make([]netip.Prefix, 0, len(networks))
	for _, network := range networks {
		prefixes = append(prefixes, netip.MustParsePrefix(network))
	}
	return prefixes
}

// logBuffer is a log that tests read while the portal writes.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
