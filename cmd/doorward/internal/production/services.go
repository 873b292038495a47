package production

import (
	"path/filepath"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/cmd/doorward/internal/suite"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/services/authn"
	"github.com/doorward/doorward/services/notify"
	"github.com/doorward/doorward/services/portal"
	"github.com/doorward/doorward/services/risk"
)

func (c Config) layout() deployment.Layout { return deployment.Layout{Dir: c.Dir} }

func (c Config) authnStore() string { return filepath.Join(c.layout().Data(), "authn.db") }

// services configures each, with the public key that mails are sealed to. None of them allows what was made for development.
func (c Config) services(at suite.Bus, mailKey string) suite.Services {
	l := c.layout()
	all := suite.Services{Authn: authn.DefaultConfig(), Risk: risk.DefaultConfig(), Notify: notify.DefaultConfig(), Portal: portal.DefaultConfig()}

	all.Authn.Listen, all.Authn.Issuer, all.Authn.Risk, all.Authn.HashWorkers = c.Authn.Listen, c.Issuer, c.Risk.Listen, c.Authn.HashWorkers
	all.Authn.DataDir, all.Authn.KeysDir, all.Authn.Certs, all.Authn.MailKey = l.Data(), l.Keys(), l.Certs(), mailKey
	all.Authn.Breach = c.Authn.Breach
	all.Authn.NATS, all.Authn.Limits, all.Authn.Reflection = at.As(bus.Authn), c.Authn.Limits, c.Reflection

	all.Risk.Listen, all.Risk.Decisions, all.Risk.RebuildOnGap = c.Risk.Listen, c.Risk.Decisions, c.Risk.RebuildOnGap
	all.Risk.DataDir, all.Risk.Certs = l.Data(), l.Certs()
	all.Risk.NATS, all.Risk.Limits, all.Risk.Reflection = at.As(bus.Risk), c.Risk.Limits, c.Reflection

	all.Notify.Listen, all.Notify.Authn, all.Notify.PortalURL, all.Notify.Product = c.Notify.Listen, c.Authn.Listen, c.Portal.URL, c.Product
	all.Notify.DataDir, all.Notify.Certs, all.Notify.SealKeys = l.Data(), l.Certs(), l.MailKeys()
	all.Notify.NATS, all.Notify.SMTP, all.Notify.Limits, all.Notify.Reflection = at.As(bus.Notify), c.SMTP, c.Notify.Limits, c.Reflection

	all.Portal.Listen, all.Portal.URL, all.Portal.Product, all.Portal.Notify = c.Portal.Listen, c.Portal.URL, c.Product, c.Notify.Listen
	all.Portal.Certs, all.Portal.TLSCert, all.Portal.TLSKey = l.Certs(), c.Portal.TLSCert, c.Portal.TLSKey
	all.Portal.TrustedProxies = c.Portal.TrustedProxies
	return all
}
