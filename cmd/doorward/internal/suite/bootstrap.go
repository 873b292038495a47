package suite

import (
	"context"
	"errors"
	"fmt"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/services/authn"
)

func (s *Suite) authnConfig() authn.Config {
	cfg := authn.DefaultConfig()
	cfg.Listen, cfg.Issuer = s.cfg.Ports.address(portAuthn), issuer
	cfg.DataDir, cfg.KeysDir, cfg.Certs = s.layout.data(), s.layout.keys(), s.layout.certs()
	cfg.MailKey = s.layout.mailKey() + seal.PublicSuffix
	cfg.Risk = s.risk.Addr().String()
	cfg.NATS = bus.Settings{URL: s.nats.URL(), Seed: s.seed(bus.Authn)}
	return cfg
}

// bootstrap makes the first API keys, or takes them from the env files that a former start wrote.
func (s *Suite) bootstrap(ctx context.Context, cfg authn.Config) error {
	var err error
	if s.app, err = ReadEnv(s.layout.appEnv()); err != nil {
		return err
	}
	if s.operator, err = ReadEnv(s.layout.operatorEnv()); err != nil {
		return err
	}
	if s.app.Get(keyVariable) != "" && s.operator.Get(keyVariable) != "" {
		return nil
	}
	first, err := authn.Bootstrap(ctx, cfg, audience)
	if errors.Is(err, authn.ErrBootstrapped) {
		return fmt.Errorf("%s has users but its env files are gone, and with them the only copy of the API keys: put them back, or delete the directory to begin anew", s.cfg.Dir)
	}
	if err != nil {
		return err
	}
	s.app = Env{{keyVariable, first.ApplicationKey.Reveal()}}
	s.operator = Env{{keyVariable, first.OperatorKey.Reveal()}}
	// Written at once, and again with the addresses: the keys are shown this one time.
	return errors.Join(s.app.write(s.layout.appEnv()), s.operator.write(s.layout.operatorEnv()))
}

// keyVariable names the API key in both env files.
const keyVariable = "DOORWARD_API_KEY"

// writeEnv tells applications and operators where the suite is this time.
func (s *Suite) writeEnv(context.Context) error {
	authnAt := Env{
		{"DOORWARD_ADDRESS", s.authn.Addr().String()},
		{"DOORWARD_CA", absolute(s.layout.certs() + "/ca.pem")},
		{"DOORWARD_SERVER_NAME", "authn"},
	}
	s.app = append(append(Env{{keyVariable, s.app.Get(keyVariable)}}, authnAt...),
		Variable{"DOORWARD_ISSUER", issuer},
		Variable{"DOORWARD_AUDIENCE", audience},
		Variable{"DOORWARD_NATS_URL", s.nats.URL()},
		Variable{"DOORWARD_NATS_SEED", absolute(s.seed(bus.SDK))},
		Variable{"DOORWARD_EVENTS_SEED", absolute(s.seed(bus.Subscriber))},
		Variable{"DOORWARD_INBOX", "http://" + s.inbox.WebAddr()},
	)
	s.operator = append(Env{{keyVariable, s.operator.Get(keyVariable)}}, authnAt...)
	return errors.Join(s.app.write(s.layout.appEnv()), s.operator.write(s.layout.operatorEnv()))
}
