package portal

import (
	_ "embed" // for the style sheet
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/config"
	"github.com/doorward/doorward/internal/telemetry"
)

//go:embed page/style.css
var styleSheet string

// HealthPath answers 200 while the portal serves. It asks nobody else: the pages
// themselves say when notify is away.
const HealthPath = "/health"

// site answers browsers. It holds nothing between two requests.
type site struct {
	containment notifyv1.ContainmentServiceClient
	pages       *pages
	product     string
	secure      bool // browsers reach us by https
	proxies     []netip.Prefix
	sameOrigin  *sameOrigin
	pace        *access.Guard
	metrics     *metrics
	tracing     telemetry.Tracing
	logger      *slog.Logger
	now         func() time.Time
}

func newSite(cfg Config, deps Deps) (*site, error) {
	base, _ := config.Origin(cfg.URL) // Validate has looked at it
	parsed, err := parsePages()
	if err != nil {
		return nil, err
	}
	protection, err := newSameOrigin(base)
	if err != nil {
		return nil, err
	}
	pace, err := newPace(deps)
	if err != nil {
		return nil, err
	}
	measured, err := newMetrics(deps.Registerer)
	if err != nil {
		return nil, err
	}
	return &site{
		pages:      parsed,
		product:    strings.TrimSpace(cfg.Product),
		secure:     base.Scheme == "https",
		proxies:    cfg.TrustedProxies,
		sameOrigin: protection,
		pace:       pace,
		metrics:    measured,
		tracing:    deps.Tracing,
		logger:     deps.Logger,
		now:        deps.Now,
	}, nil
}

// The routes, by which requests are logged and counted.
const (
	routeShow  = "GET /contain/{delivery}/{token}" // HEAD too
	routeTake  = "POST /contain/{delivery}/{token}"
	routeStyle = "GET /style.css"
)

// handler puts the layers in order, outermost first: headers go on whatever comes
// back; observe sees every answer, that of a panic included.
func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(routeShow, s.paced(s.showContainment))
	mux.HandleFunc(routeTake, s.paced(s.takeAnswer))
	mux.HandleFunc(routeStyle, serveStyle)
	mux.HandleFunc("GET "+HealthPath, serveHealth)
	mux.HandleFunc("GET /", s.noPage)
	return s.headers(s.observe(mux))
}

func serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	fmt.Fprint(w, styleSheet)
}

func serveHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, "serving")
}

// noPage answers like a link that doesn't work: from outside, the two are one.
func (s *site) noPage(w http.ResponseWriter, r *http.Request) { s.noLink(w, r) }
