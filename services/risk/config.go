package risk

import (
	"errors"
	"time"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/config"
	"github.com/doorward/doorward/internal/rpc"
)

// Config is what risk needs to start. What it decides by is policy, which is in its store.
type Config struct {
	Listen       string          `koanf:"listen" doc:"host:port of the gRPC server; port 0 takes a free one"`
	DataDir      string          `koanf:"data_dir" doc:"directory of risk.db"`
	Certs        string          `koanf:"certs" doc:"directory with ca.pem, risk.pem and risk.key, as doorward certs makes it"`
	NATS         bus.Settings    `koanf:"nats"`
	Limits       rpc.Limits      `koanf:"limits"`
	Decisions    DecisionsConfig `koanf:"decisions"`
	RebuildOnGap bool            `koanf:"rebuild_on_gap" doc:"when the stream no longer holds what the history lacks, build it anew from what is left instead of refusing to run"`
	Development  bool            `koanf:"development" doc:"for development only: work with certificates and keys that are marked for it"`
	Reflection   bool            `koanf:"reflection" doc:"let anybody who can connect list the API; leave it off in production"`
}

// DecisionsConfig bounds the record of decisions: it holds addresses of people.
type DecisionsConfig struct {
	KeepFor  time.Duration `koanf:"keep_for" doc:"how long decisions are kept"`
	KeepMost int           `koanf:"keep_most" doc:"how many decisions are kept at most, about 1.5 KB each; the oldest give way"`
}

var _ config.Validator = Config{}

// DefaultConfig serves this machine.
func DefaultConfig() Config {
	return Config{
		Listen:  "127.0.0.1:7402",
		DataDir: ".doorward/data",
		Certs:   ".doorward/certs",
		NATS:    bus.Settings{URL: "nats://127.0.0.1:7407", Seed: ".doorward/nats/risk.nk"},
		Decisions: DecisionsConfig{
			KeepFor:  30 * 24 * time.Hour,
			KeepMost: 500_000,
		},
	}
}

// Validate reports all faults at once. Files are looked at when they are opened.
func (c Config) Validate() config.Faults {
	var faults config.Faults
	faults.Need(config.HostPort(c.Listen), "listen", "isn't host:port, such as 127.0.0.1:7402")
	faults.Need(c.DataDir != "", "data_dir", "is missing: name a directory that risk may write to")
	faults.Need(c.Certs != "", "certs", "is missing: name the directory that doorward certs made")
	faults = append(faults, c.NATS.Check().Within("nats")...)
	faults = append(faults, c.Limits.Check().Within("limits")...)
	faults.Need(c.Decisions.KeepFor >= time.Hour, "decisions.keep_for", "is under an hour: nobody could look a decision up")
	faults.Need(c.Decisions.KeepMost >= 1000, "decisions.keep_most", "is under 1000: nobody could look a decision up")
	return faults
}

// refuseDevelopment finds what is marked for development, all at once, unless the configuration allows it.
func (c Config) refuseDevelopment(m *certs.Material) error {
	if c.Development {
		return nil
	}
	return errors.Join(m.RefuseDevelopment(), c.NATS.RefuseDevelopment())
}
