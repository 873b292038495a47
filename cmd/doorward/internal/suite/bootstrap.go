package suite

import (
	"context"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/services/authn"
)

func (s *Suite) authnConfig() authn.Config {
	cfg := authn.DefaultConfig()
	cfg.Development = true
	cfg.Listen, cfg.Issuer = s.cfg.Ports.address(portAuthn), issuer
	cfg.DataDir, cfg.KeysDir, cfg.Certs = s.layout.Data(), s.layout.Keys(), s.layout.Certs()
	cfg.MailKey = s.layout.MailKey() + seal.PublicSuffix
	cfg.Risk = s.risk.Addr().String()
	cfg.NATS = bus.Settings{URL: s.nats.URL(), Seed: s.seed(bus.Authn)}
	return cfg
}

// writeEnv tells applications and operators where the suite is this time.
func (s *Suite) writeEnv(context.Context) (err error) {
	s.app, err = s.layout.WriteEnv(s.keys, deployment.Contacts{
		Authn: s.authn.Addr().String(), NATS: s.nats.URL(), Issuer: issuer, Audience: audience, Inbox: "http://" + s.inbox.WebAddr(),
	})
	return err
}
