package development

import (
	"context"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/cmd/doorward/internal/suite"
	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/inbox"
	"github.com/doorward/doorward/services/risk"
)

// Config says where a suite lives and listens.
type Config struct {
	// Dir is its directory; it is made if missing.
	Dir string
	// Ports are where it listens.
	Ports   Ports
	Process suite.Process
}

// Suite is everything with listeners open. Run it.
type Suite struct {
	*suite.Suite
	cfg    Config
	layout deployment.Layout

	nats  *bus.Server
	inbox *inbox.Inbox
	app   deployment.Env
}

// New prepares the directory and opens every listener. The NATS server runs from here on, because services are wired to it; everything else
// begins with Run.
func New(ctx context.Context, cfg Config) (*Suite, error) {
	if err := cfg.Ports.Validate(); err != nil {
		return nil, err
	}
	s := &Suite{cfg: cfg, layout: deployment.Layout{Dir: cfg.Dir, Development: true}}
	if err := s.open(ctx); err != nil {
		s.Close()
		return nil, elsewhere(err)
	}
	return s, nil
}

func (s *Suite) open(ctx context.Context) error {
	if err := s.openBus(ctx); err != nil {
		return err
	}
	if err := s.openInbox(); err != nil {
		return err
	}
	services, err := s.services(ctx)
	if err != nil {
		return err
	}
	keys, err := s.layout.FirstKeys(ctx, services.Authn, audience)
	if err != nil {
		return err
	}
	if s.Suite, err = suite.Open(ctx, services, s.cfg.Process); err != nil {
		return err
	}
	s.app, err = s.layout.WriteEnv(keys, deployment.Contacts{
		Authn: s.AuthnAddress(), Risk: s.RiskAddress(), Notify: s.NotifyAddress(), NATS: s.nats.URL(), Issuer: issuer, Audience: audience, Subscriber: true,
		Inbox: "http://" + s.inbox.WebAddr(),
	})
	return err
}

// openBus makes what a suite needs on disk, leaves alone what is there, and starts the server.
func (s *Suite) openBus(ctx context.Context) error {
	p := s.cfg.Process
	prepared, err := s.layout.Prepare(p.Now())
	if err != nil {
		return err
	}
	if err := risk.Bootstrap(ctx, s.layout.Data(), p.Now, allowUnknownCountry); err != nil {
		return err
	}
	s.nats, err = bus.StartServer(bus.ServerConfig{
		Dir: s.layout.JetStream(), Port: s.cfg.Ports.number(portNATS), Identities: prepared.Identities, Logger: p.Logger,
	})
	if err != nil {
		return err
	}
	return s.bus().DeclareStreams(ctx, 1, p.Logger)
}

func (s *Suite) bus() suite.Bus { return suite.Bus{URL: s.nats.URL(), Seeds: s.layout.NATS()} }

func (s *Suite) openInbox() (err error) {
	s.inbox, err = inbox.New(inbox.Config{
		SMTPAddress: s.cfg.Ports.address(portInboxSMTP), WebAddress: s.cfg.Ports.address(portInboxWeb),
		Logger: s.cfg.Process.Logger, Now: s.cfg.Process.Now,
	})
	return err
}

// Run runs everything until ctx ends or one part fails, and stops it in the order that loses nothing: the edge first, the bus last.
func (s *Suite) Run(ctx context.Context) error {
	tasks := []app.Task{{Name: "NATS", Run: s.nats.Run}, {Name: "inbox", Run: s.inbox.Run}}
	return app.Run(ctx, s.cfg.Process.Logger, append(tasks, s.Tasks()...)...)
}

// AppEnv is what an application needs to use the suite.
func (s *Suite) AppEnv() deployment.Env { return s.app }

// Addresses are where things are reached, for people.
func (s *Suite) Addresses() []suite.Place {
	places := s.Places()
	for i, place := range places {
		if place.Name == "portal" {
			places[i].Address = "http://" + place.Address
		}
	}
	return append(places,
		suite.Place{Name: "inbox", Address: "http://" + s.inbox.WebAddr() + "  (SMTP on " + s.inbox.SMTPAddr() + ")"},
		suite.Place{Name: "NATS", Address: s.nats.URL()},
	)
}

// Close lets go of a suite that isn't run after all.
func (s *Suite) Close() {
	if s.Suite != nil {
		s.Suite.Close()
	}
	if s.inbox != nil {
		s.inbox.Close()
	}
	if s.nats != nil {
		s.nats.Stop()
	}
}
