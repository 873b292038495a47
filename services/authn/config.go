package authn

import (
	"errors"
	"path/filepath"

	"github.com/doorward/doorward/internal/breach/pwned"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/config"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/secret"
)

// maxHashWorkers is more than any machine has cores for.
const maxHashWorkers = 1024

// Config is what authn needs to start.
type Config struct {
	Listen      string       `koanf:"listen" doc:"host:port of the gRPC server; port 0 takes a free one"`
	DataDir     string       `koanf:"data_dir" doc:"directory of authn.db"`
	KeysDir     string       `koanf:"keys_dir" doc:"directory of authn.key, the key that codes, tokens and signing keys hang on"`
	Certs       string       `koanf:"certs" doc:"directory with ca.pem, authn.pem and authn.key, as doorward certs makes it"`
	Issuer      string       `koanf:"issuer" doc:"the iss of every session token, such as https://id.example.com; a change ends the tokens in use"`
	Risk        string       `koanf:"risk" doc:"host:port of the risk service"`
	MailKey     string       `koanf:"mail_key" doc:"file with notify's public sealing key, to which mails are sealed"`
	NATS        bus.Settings `koanf:"nats"`
	Limits      rpc.Limits   `koanf:"limits"`
	Breach      Breach       `koanf:"breach"`
	HashWorkers int          `koanf:"hash_workers" doc:"passwords hashed at once; 0 means one per core"`
	Development bool         `koanf:"development" doc:"for development only: work with certificates and keys that are marked for it, and make authn.key where there is none"`
	Reflection  bool         `koanf:"reflection" doc:"let anybody list the API; leave it off in production"`
}

// Breach is where to look passwords up that were in breaches. Which of it is asked is policy: breach_mode.
type Breach struct {
	Corpus    string `koanf:"corpus" doc:"file that doorward breach build made; none when empty"`
	RangeHost string `koanf:"range_host" doc:"address of the range API, https or on this machine; nobody is asked unless the policy says so, and nobody can be when empty"`
}

var _ config.Validator = Config{}

// DefaultConfig is a deployment on one machine. Issuer has no default: it is the deployment's name.
func DefaultConfig() Config {
	return Config{
		Listen:  "127.0.0.1:7401",
		DataDir: ".doorward/data",
		KeysDir: ".doorward/keys",
		Certs:   ".doorward/certs",
		Risk:    "127.0.0.1:7402",
		MailKey: ".doorward/keys/mail/1.key.pub",
		Breach:  Breach{RangeHost: pwned.DefaultHost},
		NATS:    bus.Settings{URL: "nats://127.0.0.1:7407", Seed: ".doorward/nats/authn.nk"},
	}
}

// Validate reports all faults at once.
func (c Config) Validate() config.Faults {
	var faults config.Faults
	faults.Need(config.HostPort(c.Listen), "listen", "isn't host:port, such as 127.0.0.1:7401")
	faults.Need(c.DataDir != "", "data_dir", "is missing: name the directory of authn.db")
	faults.Need(c.KeysDir != "", "keys_dir", "is missing: name the directory of authn.key")
	faults.Need(c.Certs != "", "certs", "is missing: name the directory that doorward certs made")
	// Both directories have a file authn.key, and they are different keys.
	faults.Need(c.KeysDir == "" || c.Certs == "" || filepath.Clean(c.KeysDir) != filepath.Clean(c.Certs), "keys_dir",
		"is the directory of the certificates, where authn.key is another key: name one of its own")
	faults.Need(validIssuer(c.Issuer), "issuer",
		"isn't an https address of scheme and host alone, such as https://id.example.com (http is for this machine only): it names this deployment in every token")
	faults.Need(config.HostPort(c.Risk), "risk", "isn't host:port, such as 127.0.0.1:7402")
	faults.Need(c.MailKey != "", "mail_key", "is missing: name the file with notify's public sealing key")
	faults.Need(c.Breach.RangeHost == "" || pwned.ValidHost(c.Breach.RangeHost), "breach.range_host",
		"isn't an https address such as "+pwned.DefaultHost+" (http is for this machine only): leave it out for none")
	faults = append(faults, c.NATS.Check().Within("nats")...)
	faults = append(faults, c.Limits.Check().Within("limits")...)
	faults.Need(c.HashWorkers >= 0 && c.HashWorkers <= maxHashWorkers, "hash_workers", "must be from 0 to 1024")
	return faults
}

func (c Config) storeFile() string { return filepath.Join(c.DataDir, "authn.db") }

func (c Config) keyFile() string { return filepath.Join(c.KeysDir, "authn.key") }

// refuseDevelopment finds, beside faults that are known, the keys that are marked for development: all at once, and none where the configuration
// allows them.
func (c Config) refuseDevelopment(known ...error) error {
	if c.Development {
		return nil
	}
	return errors.Join(append(known,
		secret.RefuseDevelopment(c.keyFile(), "doorward authn bootstrap"),
		secret.RefuseDevelopment(c.MailKey, "doorward init"),
		c.NATS.RefuseDevelopment(),
	)...)
}

// validIssuer admits what verifiers can pin without wondering about a slash: RFC 8414's form of an issuer, with no path.
func validIssuer(issuer string) bool {
	u, ok := config.Origin(issuer)
	return ok && u.String() == issuer
}
