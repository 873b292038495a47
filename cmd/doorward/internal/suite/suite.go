package suite

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/telemetry/otlp"
	"github.com/doorward/doorward/services/authn"
	"github.com/doorward/doorward/services/notify"
	"github.com/doorward/doorward/services/portal"
	"github.com/doorward/doorward/services/risk"
)

// Services is the configuration of each. At which addresses they find each other is filled in as they open.
type Services struct {
	Risk   risk.Config
	Authn  authn.Config
	Notify notify.Config
	Portal portal.Config
}

// Process is what the process hands to its services. All but Traces are needed.
type Process struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
	// Traces takes the services' spans; nil for none.
	Traces *otlp.Exporter
}

// Suite is the services with their listeners open. Run its tasks, or Close it.
type Suite struct {
	process Process
	certs   string

	risk   *risk.Service
	authn  *authn.Service
	notify *notify.Service
	portal *portal.Service
}

// Open opens every service. The bus must be there, and nothing runs yet.
func Open(ctx context.Context, services Services, process Process) (*Suite, error) {
	s := &Suite{process: process, certs: services.Authn.Certs}
	if err := s.open(ctx, services); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// open makes the services in the order in which they need each other's addresses.
func (s *Suite) open(ctx context.Context, services Services) (err error) {
	p := s.process
	s.risk, err = risk.New(ctx, services.Risk, risk.Deps{
		Logger: p.logger("risk"), Registerer: p.Registerer, Now: p.Now, Tracing: p.Traces.For("risk"),
	})
	if err != nil {
		return err
	}
	services.Authn.Risk = dialled(s.risk.Addr())
	s.authn, err = authn.New(ctx, services.Authn, authn.Deps{
		Logger: p.logger("authn"), Registerer: p.Registerer, Now: p.Now, Tracing: p.Traces.For("authn"),
	})
	if err != nil {
		return err
	}
	services.Notify.Authn = dialled(s.authn.Addr())
	s.notify, err = notify.New(ctx, services.Notify, notify.Deps{
		Logger: p.logger("notify"), Registerer: p.Registerer, Now: p.Now, Tracing: p.Traces.For("notify"),
	})
	if err != nil {
		return err
	}
	services.Portal.Notify = dialled(s.notify.Addr())
	s.portal, err = portal.New(ctx, services.Portal, portal.Deps{
		Logger: p.logger("portal"), Registerer: p.Registerer, Now: p.Now, Tracing: p.Traces.For("portal"),
	})
	return err
}

func (p Process) logger(service string) *slog.Logger {
	return p.Logger.With(slog.String("service", service))
}

// dialled is where this machine reaches what listens at an address: on loopback, when it listens everywhere.
func dialled(at net.Addr) string {
	tcp, ok := at.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return at.String()
	}
	return (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: tcp.Port}).String()
}

// Tasks run the services, in the order in which they lean on each other. Stopped in the reverse, none loses what another wrote last; the bus must
// stop after them.
func (s *Suite) Tasks() []app.Task {
	return []app.Task{
		{Name: "traces", Run: s.process.Traces.Run},
		{Name: "risk", Run: s.risk.Run},
		{Name: "authn", Run: s.authn.Run},
		{Name: "notify", Run: s.notify.Run},
		{Name: "portal", Run: s.portal.Run},
	}
}

// Close lets go of a suite that isn't run after all.
func (s *Suite) Close() {
	var errs []error
	if s.portal != nil {
		errs = append(errs, s.portal.Close())
	}
	if s.notify != nil {
		errs = append(errs, s.notify.Close())
	}
	if s.authn != nil {
		errs = append(errs, s.authn.Close())
	}
	if s.risk != nil {
		errs = append(errs, s.risk.Close())
	}
	if err := errors.Join(errs...); err != nil {
		s.process.Logger.LogAttrs(context.Background(), slog.LevelWarn, "closing without having run", slog.Any("error", err))
	}
}
