package portal

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/telemetry"
)

// noRoute stands for every path and method that has none.
const noRoute = "none"

// metrics counts requests. Its labels are closed sets: route is one of the
// patterns in site.go or "none", code what we answer with.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_portal_requests_total", Help: "Requests answered, by route and HTTP status.",
		}, []string{"route", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "doorward_portal_duration_seconds", Help: "Time from a request's arrival to its answer, by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"route"}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration} {
		if err := registerer.Register(c); err != nil {
			return nil, fmt.Errorf("portal: metrics: %w", err)
		}
	}
	return m, nil
}

// observe gives each request an id, which goes on to notify, counts it, and
// writes the access log. It knows a request by its route alone: the path holds
// the token, and so would a Referer.
func (s *site) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.now()
		ctx, span := s.tracing.Start(telemetry.WithRequestID(r.Context(), id.New("req", began)), "request", trace.WithSpanKind(trace.SpanKindServer))
		r = r.WithContext(ctx)
		answer := &recorder{ResponseWriter: w}
		s.guarded(next, answer, r)

		took := s.now().Sub(began)
		route, code := routeOf(r), answer.code()
		end(span, route, code)
		s.metrics.requests.WithLabelValues(route, strconv.Itoa(code)).Inc()
		s.metrics.duration.WithLabelValues(route).Observe(took.Seconds())
		s.logger.LogAttrs(r.Context(), levelOf(route, code), "request answered",
			slog.String("route", route), slog.Int("code", code), slog.Duration("duration", took))
	})
}

// end ends a request's span. A trace begins here: what a browser sends as traceparent
// isn't read. Like the access log, a span knows the route and no path.
func end(span trace.Span, route string, code int) {
	span.SetName(route)
	span.SetAttributes(attribute.String("http.route", route), attribute.Int("http.response.status_code", code))
	if code >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// guarded turns a panic into an answer. Its value isn't logged, as it may hold anything; its type is.
func (s *site) guarded(next http.Handler, w *recorder, r *http.Request) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		s.logger.LogAttrs(r.Context(), slog.LevelError, "request panicked", slog.String("type", fmt.Sprintf("%T", value)))
		if w.status == 0 {
			http.Error(w, "Something failed on our side. Please try again.", http.StatusInternalServerError)
		}
	}()
	next.ServeHTTP(w, r)
}

// routeOf is the pattern that the mux matched. It sets it on the request that it was given.
func routeOf(r *http.Request) string {
	switch r.Pattern {
	case routeShow, routeTake, routeStyle, "GET " + HealthPath:
		return r.Pattern
	default:
		return noRoute
	}
}

// levelOf keeps what an operator should see: answers taken, and what went wrong on
// our side. The rest, refused forms too, is at whatever pace the internet likes.
func levelOf(route string, code int) slog.Level {
	switch {
	case code >= http.StatusInternalServerError:
		return slog.LevelWarn
	case route == routeTake && code < http.StatusBadRequest:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}

// recorder remembers the status that a handler answered with.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader keeps the first status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(body []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(body)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

var _ interface{ Unwrap() http.ResponseWriter } = (*recorder)(nil)
