package production

import (
	"net"
	"slices"
	"strings"

	"github.com/doorward/doorward/cmd/doorward/internal/suite"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/config"
)

var _ config.Validator = Config{}

// Validate reports all faults at once: those of production alone, and whatever the services find in what they would be given. Files are looked at afterwards,
// by inspect.
func (c Config) Validate() config.Faults {
	var faults config.Faults
	faults.Need(c.Dir != "", "dir", "is missing: name the directory that doorward init made")
	faults.Need(strings.HasPrefix(c.Issuer, "https://"), "issuer", "isn't an https address, such as https://id.example.com: it names this deployment in every token")
	faults.Need(strings.HasPrefix(c.Portal.URL, "https://"), "portal.url",
		"isn't an https address, such as https://id.example.com: mails lead people there from anywhere")
	faults.Need(c.Debug == "" || onLoopback(c.Debug), "debug", "isn't host:port on loopback, such as 127.0.0.1:7408: it shows memory and profiles")
	faults = append(faults, c.NATS.check().Within("nats")...)
	services := c.services(suite.Bus{URL: "nats://127.0.0.1:7407"}, "checked later")
	for _, fault := range slices.Concat(
		services.Authn.Validate().Within("authn"), services.Risk.Validate().Within("risk"),
		services.Notify.Validate().Within("notify"), services.Portal.Validate().Within("portal"),
	) {
		fault.Key = ours(fault.Key)
		faults = append(faults, fault)
	}
	// One fault a key: what production says of it comes first.
	slices.SortStableFunc(faults, func(a, b config.Fault) int { return strings.Compare(a.Key, b.Key) })
	return slices.CompactFunc(faults, func(a, b config.Fault) bool { return a.Key == b.Key })
}

// ours is the key at which a service's key stands here.
func ours(key string) string {
	switch key {
	case "authn.issuer":
		return "issuer"
	case "notify.product", "portal.product":
		return "product"
	case "authn.reflection", "risk.reflection", "notify.reflection":
		return "reflection"
	case "notify.portal_url":
		return "portal.url"
	case "authn.risk":
		return "risk.listen"
	case "notify.authn":
		return "authn.listen"
	case "portal.notify":
		return "notify.listen"
	}
	if rest, ok := strings.CutPrefix(key, "notify.smtp"); ok {
		return "smtp" + rest
	}
	return key
}

func (n NATS) check() config.Faults {
	var faults config.Faults
	if n.URL != "" {
		faults = bus.Settings{URL: n.URL, CA: n.CA, Seed: "checked later"}.Check()
	} else {
		faults.Need(config.HostPort(n.Listen), "listen", "isn't host:port, such as 127.0.0.1:7407")
		faults.Need(n.CA == "", "ca", "is for another server than the embedded one: set url too")
		faults.Need(n.Replicas == 1, "replicas", "must be 1, for the embedded server is one")
	}
	const most = 5 // JetStream's own limit
	faults.Need(n.Replicas >= 1 && n.Replicas <= most, "replicas", "must be from 1 to 5")
	return faults
}

func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && config.Loopback(host)
}
