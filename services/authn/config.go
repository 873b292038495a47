package authn

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/doorward/doorward/internal/config"
)

// maxHashWorkers is more than any machine has cores for.
const maxHashWorkers = 1024

// Config is what authn needs to start.
type Config struct {
	Listen      string     `koanf:"listen" doc:"host:port of the gRPC server; port 0 takes a free one"`
	DataDir     string     `koanf:"data_dir" doc:"directory of authn.db"`
	KeysDir     string     `koanf:"keys_dir" doc:"directory of authn.key, the key that codes, tokens and signing keys hang on"`
	Certs       string     `koanf:"certs" doc:"directory with ca.pem, authn.pem and authn.key, as doorward certs makes it"`
	Issuer      string     `koanf:"issuer" doc:"the iss of every session token, such as https://id.example.com; a change ends the tokens in use"`
	Risk        string     `koanf:"risk" doc:"host:port of the risk service"`
	MailKey     string     `koanf:"mail_key" doc:"file with notify's public sealing key, to which mails are sealed"`
	NATS        NATSConfig `koanf:"nats"`
	HashWorkers int        `koanf:"hash_workers" doc:"passwords hashed at once; 0 means one per core"`
	Development bool       `koanf:"development" doc:"make authn.key where there is none, for a store that is new"`
	Reflection  bool       `koanf:"reflection" doc:"let anybody list the API; leave it off in production"`
}

// NATSConfig is how the bus is reached.
type NATSConfig struct {
	URL  string `koanf:"url" doc:"the server, such as nats://127.0.0.1:7407; several with commas between"`
	Seed string `koanf:"seed" doc:"file with the seed of authn's nkey"`
	CA   string `koanf:"ca" doc:"file with the CA of the server's certificate, PEM; empty only for a server on this machine"`
}

var (
	_ config.Validator = Config{}
	_ config.Validator = NATSConfig{}
)

// DefaultConfig is a deployment on one machine. Issuer has no default: it is the deployment's name.
func DefaultConfig() Config {
	return Config{
		Listen:  "127.0.0.1:7401",
		DataDir: ".doorward/data",
		KeysDir: ".doorward/keys",
		Certs:   ".doorward/certs",
		Risk:    "127.0.0.1:7402",
		MailKey: ".doorward/keys/mail/mail.key.pub",
		NATS:    NATSConfig{URL: "nats://127.0.0.1:7407", Seed: ".doorward/nats/authn.nk"},
	}
}

// Validate reports all faults at once.
func (c Config) Validate() config.Faults {
	var faults config.Faults
	need := func(ok bool, key, problem string) {
		if !ok {
			faults = append(faults, config.Fault{Key: key, Problem: problem})
		}
	}
	need(hostPort(c.Listen), "listen", "isn't host:port, such as 127.0.0.1:7401")
	need(c.DataDir != "", "data_dir", "is missing: name the directory of authn.db")
	need(c.KeysDir != "", "keys_dir", "is missing: name the directory of authn.key")
	need(c.Certs != "", "certs", "is missing: name the directory that doorward certs made")
	// Both directories have a file authn.key, and they are different keys.
	need(c.KeysDir == "" || c.Certs == "" || filepath.Clean(c.KeysDir) != filepath.Clean(c.Certs), "keys_dir",
		"is the directory of the certificates, where authn.key is another key: name one of its own")
	need(validIssuer(c.Issuer), "issuer",
		"isn't a web address of scheme and host, such as https://id.example.com: it names this deployment in every token")
	need(hostPort(c.Risk), "risk", "isn't host:port, such as 127.0.0.1:7402")
	need(c.MailKey != "", "mail_key", "is missing: name the file with notify's public sealing key")
	need(c.HashWorkers >= 0 && c.HashWorkers <= maxHashWorkers, "hash_workers", "must be from 0 to 1024")
	return faults
}

// allFaults are those of the sections too. Loading asks each section itself; New has no loader before it.
func (c Config) allFaults() config.Faults {
	faults := c.Validate()
	for _, f := range c.NATS.Validate() {
		faults = append(faults, config.Fault{Key: "nats." + f.Key, Problem: f.Problem})
	}
	return faults
}

// Validate reports all faults at once.
func (c NATSConfig) Validate() config.Faults {
	var faults config.Faults
	if !c.reachable() {
		faults = append(faults, config.Fault{Key: "url", Problem: "isn't a NATS address, such as nats://127.0.0.1:7407"})
	} else if c.CA == "" && !c.local() {
		faults = append(faults, config.Fault{Key: "ca", Problem: "is missing: a server on another machine is reached over TLS, so name the file with its CA"})
	}
	if c.Seed == "" {
		faults = append(faults, config.Fault{Key: "seed", Problem: "is missing: name the file with the seed of authn's nkey"})
	}
	return faults
}

func (c NATSConfig) reachable() bool {
	for server := range strings.SplitSeq(c.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Host == "" || u.User != nil {
			return false
		}
	}
	return true
}

// local says whether every server is on this machine.
func (c NATSConfig) local() bool {
	for server := range strings.SplitSeq(c.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil || !loopback(u.Hostname()) {
			return false
		}
	}
	return true
}

func (c Config) storeFile() string { return filepath.Join(c.DataDir, "authn.db") }

func (c Config) keyFile() string { return filepath.Join(c.KeysDir, "authn.key") }

// validIssuer admits what verifiers can pin without wondering about a slash: RFC 8414's form of an issuer, with no path.
func validIssuer(issuer string) bool {
	u, err := url.Parse(issuer)
	switch {
	case err != nil, u.Host == "", u.User != nil, u.Path != "", u.RawQuery != "", u.Fragment != "":
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func hostPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port != ""
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
