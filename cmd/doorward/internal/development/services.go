package development

import (
	"context"
	"fmt"
	"net"

	"github.com/doorward/doorward/cmd/doorward/internal/suite"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/services/authn"
	"github.com/doorward/doorward/services/notify"
	"github.com/doorward/doorward/services/portal"
	"github.com/doorward/doorward/services/risk"
)

// The names that a development suite's tokens and mails bear.
const (
	issuer   = "https://doorward.localhost"
	audience = "dev"
	product  = "Doorward (development)"
)

// services configures each: on loopback, on the files that were made for development, with the inbox as the mail server.
func (s *Suite) services(ctx context.Context) (all suite.Services, err error) {
	page, err := s.portalAddress(ctx)
	if err != nil {
		return all, err
	}
	all.Risk, all.Authn, all.Notify, all.Portal = s.risk(), s.authn(), s.notify(), portal.DefaultConfig()
	all.Notify.PortalURL = "http://" + page
	all.Portal.Listen, all.Portal.URL, all.Portal.Product = page, "http://"+page, product
	all.Portal.Certs, all.Portal.Development = s.layout.Certs(), true
	return all, nil
}

func (s *Suite) risk() risk.Config {
	cfg := risk.DefaultConfig()
	cfg.Listen, cfg.Development = s.cfg.Ports.address(portRisk), true
	cfg.DataDir, cfg.Certs, cfg.NATS = s.layout.Data(), s.layout.Certs(), s.bus().As(bus.Risk)
	return cfg
}

func (s *Suite) authn() authn.Config {
	cfg := authn.DefaultConfig()
	cfg.Listen, cfg.Issuer, cfg.Development = s.cfg.Ports.address(portAuthn), issuer, true
	cfg.DataDir, cfg.KeysDir, cfg.Certs = s.layout.Data(), s.layout.Keys(), s.layout.Certs()
	cfg.MailKey, cfg.NATS = s.layout.MailKey()+seal.PublicSuffix, s.bus().As(bus.Authn)
	return cfg
}

func (s *Suite) notify() notify.Config {
	cfg := notify.DefaultConfig()
	cfg.Listen, cfg.Product, cfg.Development = s.cfg.Ports.address(portNotify), product, true
	cfg.DataDir, cfg.Certs, cfg.SealKeys = s.layout.Data(), s.layout.Certs(), s.layout.MailKeys()
	cfg.NATS, cfg.SMTP.Address = s.bus().As(bus.Notify), s.inbox.SMTPAddr()
	return cfg
}

// portalAddress is the portal's, known before it listens: mails link to it. With ports left open a free one is taken and given back: who needs to be sure of it
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
