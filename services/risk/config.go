package risk

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/doorward/doorward/internal/config"
)

// Config is what risk needs to start. What it decides by is policy, which is in its store.
type Config struct {
	Listen       string          `koanf:"listen" doc:"host:port of the gRPC server; port 0 takes a free one"`
	DataDir      string          `koanf:"data_dir" doc:"directory of risk.db"`
	Certs        string          `koanf:"certs" doc:"directory with ca.pem, risk.pem and risk.key, as doorward certs makes it"`
	NATS         NATSConfig      `koanf:"nats"`
	Decisions    DecisionsConfig `koanf:"decisions"`
	RebuildOnGap bool            `koanf:"rebuild_on_gap" doc:"when the stream no longer holds what the history lacks, build it anew from what is left instead of refusing to run"`
	Reflection   bool            `koanf:"reflection" doc:"let anybody who can connect list the API; leave it off in production"`
}

// NATSConfig says where the events come from.
type NATSConfig struct {
	URL  string `koanf:"url" doc:"the NATS server, such as nats://127.0.0.1:7407, or several with commas between"`
	Seed string `koanf:"seed" doc:"file with risk's nkey seed, mode 0600, as doorward nats keys makes it"`
	CA   string `koanf:"ca" doc:"file with the CA of the server's certificate, PEM; without it the connection has no TLS, which is for this machine alone"`
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
		DataDir: ".doorward/risk",
		Certs:   ".doorward/certs",
		NATS:    NATSConfig{URL: "nats://127.0.0.1:7407", Seed: ".doorward/nats/risk.nk"},
		Decisions: DecisionsConfig{
			KeepFor:  30 * 24 * time.Hour,
			KeepMost: 500_000,
		},
	}
}

// Validate reports all faults at once. Files are looked at when they are opened.
func (c Config) Validate() config.Faults {
	var faults config.Faults
	need := func(ok bool, key, problem string) {
		if !ok {
			faults = append(faults, config.Fault{Key: key, Problem: problem})
		}
	}
	_, _, err := net.SplitHostPort(c.Listen)
	need(err == nil, "listen", "isn't host:port, such as 127.0.0.1:7402")
	need(c.DataDir != "", "data_dir", "is missing: name a directory that risk may write to")
	need(c.Certs != "", "certs", "is missing: name the directory that doorward certs made")
	need(c.NATS.Seed != "", "nats.seed", "is missing: name the file that doorward nats keys made")
	local, ok := c.NATS.local()
	need(ok, "nats.url", "isn't one of nats://host:port, or several with commas between")
	need(!ok || local || c.NATS.CA != "", "nats.ca", "is missing, and nats.url leads off this machine: events name people, and need TLS on the way")
	need(c.Decisions.KeepFor >= time.Hour, "decisions.keep_for", "is under an hour: nobody could look a decision up")
	need(c.Decisions.KeepMost >= 1000, "decisions.keep_most", "is under 1000: nobody could look a decision up")
	return faults
}

// local says whether all servers are on this machine; false for what can't be parsed.
func (c NATSConfig) local() (local, ok bool) {
	local = true
	for server := range strings.SplitSeq(c.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Port() == "" || u.Hostname() == "" {
			return false, false
		}
		local = local && loopback(u.Hostname())
	}
	return local, true
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
