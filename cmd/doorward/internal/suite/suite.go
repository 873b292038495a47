package suite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/inbox"
	"github.com/doorward/doorward/services/authn"
	"github.com/doorward/doorward/services/notify"
	"github.com/doorward/doorward/services/portal"
	"github.com/doorward/doorward/services/risk"
)

// The names that a development suite's tokens bear.
const (
	issuer   = "https://doorward.localhost"
	audience = "dev"
	product  = "Doorward (development)"
)

// Config says where a suite lives and listens.
type Config struct {
	// Dir is its directory; it is made if missing.
	Dir string
	// Ports are where it listens.
	Ports      Ports
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
}

// Suite is everything with listeners open. Run it.
type Suite struct {
	cfg    Config
	layout deployment.Layout

	nats   *bus.Server
	inbox  *inbox.Inbox
	risk   *risk.Service
	authn  *authn.Service
	notify *notify.Service
	portal *portal.Service

	keys deployment.FirstKeys
	app  deployment.Env
}

// New prepares the directory and opens every listener. The NATS server runs from here on, because services are wired to it; everything else
// begins with Run.
func New(ctx context.Context, cfg Config) (*Suite, error) {
	if err := cfg.Ports.Validate(); err != nil {
		return nil, err
	}
	s := &Suite{cfg: cfg, layout: deployment.Layout{Dir: cfg.Dir, Development: true}}
	if err := s.open(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// open makes the parts in the order in which they need each other's addresses.
func (s *Suite) open(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.openBus, s.openInbox, s.openRisk, s.openAuthn, s.openNotifyAndPortal, s.writeEnv,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Suite) openBus(ctx context.Context) error {
	identities, err := prepare(ctx, s.layout, s.cfg.Now)
	if err != nil {
		return err
	}
	s.nats, err = bus.StartServer(bus.ServerConfig{
		Dir: s.layout.JetStream(), Port: s.cfg.Ports.number(portNATS), Identities: identities, Logger: s.cfg.Logger,
	})
	if err != nil {
		return err
	}
	operator, err := identityOf(identities, bus.Operator)
	if err != nil {
		return err
	}
	return applyStreams(ctx, bus.Config{URL: s.nats.URL(), Identity: operator, Logger: s.cfg.Logger})
}

func (s *Suite) openInbox(context.Context) (err error) {
	s.inbox, err = inbox.New(inbox.Config{
		SMTPAddress: s.cfg.Ports.address(portInboxSMTP), WebAddress: s.cfg.Ports.address(portInboxWeb), Logger: s.cfg.Logger, Now: s.cfg.Now,
	})
	return err
}

func (s *Suite) openRisk(ctx context.Context) (err error) {
	cfg := risk.DefaultConfig()
	cfg.Listen = s.cfg.Ports.address(portRisk)
	cfg.DataDir, cfg.Certs = s.layout.Data(), s.layout.Certs()
	cfg.NATS = bus.Settings{URL: s.nats.URL(), Seed: s.seed(bus.Risk)}
	cfg.Development = true
	s.risk, err = risk.New(ctx, cfg, risk.Deps{Logger: s.logger("risk"), Registerer: s.cfg.Registerer, Now: s.cfg.Now})
	return err
}

func (s *Suite) openAuthn(ctx context.Context) (err error) {
	cfg := s.authnConfig()
	if s.keys, err = s.layout.FirstKeys(ctx, cfg, audience); err != nil {
		return err
	}
	s.authn, err = authn.New(ctx, cfg, authn.Deps{Logger: s.logger("authn"), Registerer: s.cfg.Registerer, Now: s.cfg.Now})
	return err
}

// openNotifyAndPortal makes the two that need each other's address: mails link to the portal, the portal asks notify.
func (s *Suite) openNotifyAndPortal(ctx context.Context) error {
	page, err := s.portalAddress(ctx)
	if err != nil {
		return err
	}
	notifyConfig := notify.DefaultConfig()
	notifyConfig.Listen = s.cfg.Ports.address(portNotify)
	notifyConfig.DataDir, notifyConfig.Certs, notifyConfig.SealKeys = s.layout.Data(), s.layout.Certs(), s.layout.MailKeys()
	notifyConfig.Authn = s.authn.Addr().String()
	notifyConfig.PortalURL, notifyConfig.Product = "http://"+page, product
	notifyConfig.NATS = bus.Settings{URL: s.nats.URL(), Seed: s.seed(bus.Notify)}
	notifyConfig.SMTP.Address = s.inbox.SMTPAddr()
	notifyConfig.Development = true
	s.notify, err = notify.New(ctx, notifyConfig, notify.Deps{Logger: s.logger("notify"), Registerer: s.cfg.Registerer, Now: s.cfg.Now})
	if err != nil {
		return err
	}
	portalConfig := portal.DefaultConfig()
	portalConfig.Development = true
	portalConfig.Listen, portalConfig.URL, portalConfig.Product = page, "http://"+page, product
	portalConfig.Notify, portalConfig.Certs = s.notify.Addr().String(), s.layout.Certs()
	s.portal, err = portal.New(ctx, portalConfig, portal.Deps{Logger: s.logger("portal"), Registerer: s.cfg.Registerer, Now: s.cfg.Now})
	return err
}

// portalAddress is the portal's, known before it listens. With ports left open a free one is taken and given back: who needs to be sure of it
// gives a base.
func (s *Suite) portalAddress(ctx context.Context) (string, error) {
	if s.cfg.Ports.Base != 0 {
		return s.cfg.Ports.address(portPortal), nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

func (s *Suite) seed(name bus.Name) string { return bus.SeedFile(s.layout.NATS(), name) }

func (s *Suite) logger(service string) *slog.Logger {
	return s.cfg.Logger.With(slog.String("service", service))
}

// Run runs everything until ctx ends or one part fails, and stops it in the order that loses nothing: the edge first, the bus last.
func (s *Suite) Run(ctx context.Context) error {
	defer s.nats.Stop()
	return app.Run(ctx, s.cfg.Logger,
		app.Task{Name: "inbox", Run: s.inbox.Run},
		app.Task{Name: "risk", Run: s.risk.Run},
		app.Task{Name: "authn", Run: s.authn.Run},
		app.Task{Name: "notify", Run: s.notify.Run},
		app.Task{Name: "portal", Run: s.portal.Run},
	)
}

// close ends what New had begun when it failed.
func (s *Suite) close() {
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
		s.cfg.Logger.LogAttrs(context.Background(), slog.LevelWarn, "closing after a failed start", slog.Any("error", err))
	}
	if s.inbox != nil {
		s.inbox.Close()
	}
	if s.nats != nil {
		s.nats.Stop()
	}
}
