package production

import (
	"net/netip"

	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/services/authn"
	"github.com/doorward/doorward/services/notify"
	"github.com/doorward/doorward/services/portal"
	"github.com/doorward/doorward/services/risk"
)

// Config is what `doorward serve` needs to start. What the whole suite has one of stands at the top; the rest has the name that it has in a service's own
// configuration, below the service's.
type Config struct {
	Dir        string      `koanf:"dir" doc:"the deployment's directory, as doorward init made it; stores and streams are kept there too"`
	Issuer     string      `koanf:"issuer" doc:"the iss of every session token, such as https://id.example.com; a change ends the tokens in use"`
	Product    string      `koanf:"product" doc:"whose accounts these are, as their owners know it; mails and pages say so"`
	Authn      Authn       `koanf:"authn"`
	Risk       Risk        `koanf:"risk"`
	Notify     Notify      `koanf:"notify"`
	Portal     Portal      `koanf:"portal"`
	NATS       NATS        `koanf:"nats"`
	SMTP       notify.SMTP `koanf:"smtp"`
	Debug      string      `koanf:"debug" doc:"host:port on loopback for /metrics, /healthz and /debug/pprof; none when empty"`
	Reflection bool        `koanf:"reflection" doc:"let anybody who can connect list the API of authn, risk and notify"`
}

// Authn is called by the backends of applications.
type Authn struct {
	Listen      string       `koanf:"listen" doc:"host:port of the gRPC server; beyond this machine, an address that applications reach"`
	HashWorkers int          `koanf:"hash_workers" doc:"passwords hashed at once; 0 means one per core"`
	Breach      authn.Breach `koanf:"breach"`
	Limits      rpc.Limits   `koanf:"limits"`
}

// Risk is called by authn and by operators alone.
type Risk struct {
	Listen       string               `koanf:"listen" doc:"host:port of the gRPC server; port 0 takes a free one"`
	Decisions    risk.DecisionsConfig `koanf:"decisions"`
	RebuildOnGap bool                 `koanf:"rebuild_on_gap" doc:"when the stream no longer holds what the history lacks, build it anew from what is left instead of refusing to run"`
	Limits       rpc.Limits           `koanf:"limits"`
}

// Notify is called by the portal and by operators alone.
type Notify struct {
	Listen string     `koanf:"listen" doc:"host:port of the gRPC server; port 0 takes a free one"`
	Limits rpc.Limits `koanf:"limits"`
}

// Portal is what browsers see.
type Portal struct {
	Listen         string         `koanf:"listen" doc:"host:port to serve pages on"`
	URL            string         `koanf:"url" doc:"where browsers reach the portal, such as https://id.example.com; links in mails begin with it"`
	TLSCert        string         `koanf:"tls_cert" doc:"certificate that browsers see, PEM; empty when a proxy in front ends TLS"`
	TLSKey         string         `koanf:"tls_key" doc:"private key of tls_cert, PEM"`
	TrustedProxies []netip.Prefix `koanf:"trusted_proxies" doc:"networks of your own reverse proxies, whose X-Forwarded-For is believed"`
}

// NATS is embedded, unless there is a URL of another one.
type NATS struct {
	Listen   string `koanf:"listen" doc:"host:port of the embedded server; beyond this machine it speaks TLS, with the certificate certs/nats.pem"`
	URL      string `koanf:"url" doc:"another server in place of the embedded one, such as tls://nats.internal:4222; several with commas between"`
	CA       string `koanf:"ca" doc:"file with the CA of that server's certificate, PEM"`
	Replicas int    `koanf:"replicas" doc:"copies of each stream on that server's cluster, 1 to 5"`
}

// DefaultConfig is one machine, with applications on the same. Whose deployment it is has no default: neither its directory and its name nor the
// portal's address and the mail server.
func DefaultConfig() Config {
	return Config{
		Authn:  Authn{Listen: authn.DefaultConfig().Listen, Breach: authn.DefaultConfig().Breach},
		Risk:   Risk{Listen: risk.DefaultConfig().Listen, Decisions: risk.DefaultConfig().Decisions},
		Notify: Notify{Listen: notify.DefaultConfig().Listen},
		Portal: Portal{Listen: portal.DefaultConfig().Listen},
		NATS:   NATS{Listen: "127.0.0.1:7407", Replicas: 1},
		SMTP:   notify.SMTP{TLS: "starttls", Timeout: notify.DefaultConfig().SMTP.Timeout},
	}
}
