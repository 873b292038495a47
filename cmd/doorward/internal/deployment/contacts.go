package deployment

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/config"
)

// Contacts are where a deployment is reached and what its tokens say, as its env files tell it.
type Contacts struct {
	// Authn is host:port. Risk and Notify are too, for operators alone; empty where they can't be reached.
	Authn, Risk, Notify string
	// NATS is the server's URL. Anywhere but on this machine, and with tls://, its certificate is one of the deployment's CA.
	NATS string
	// Issuer and Audience are what tokens bear.
	Issuer, Audience string
	// Subscriber says that the application may read events too: what everybody's sign-ins were.
	Subscriber bool
	// Inbox is the page of the development inbox, if there is one.
	Inbox string
}

// Validate reports all faults at once, under the names of the flags of `doorward init`.
func (c Contacts) Validate() config.Faults {
	var faults config.Faults
	faults.Need(config.HostPort(c.Authn), "authn", "isn't host:port, such as 127.0.0.1:7401")
	for _, other := range []struct{ flag, address string }{{"risk", c.Risk}, {"notify", c.Notify}} {
		faults.Need(other.address == "" || config.HostPort(other.address), other.flag, "isn't host:port, such as 127.0.0.1:7402")
	}
	for _, fault := range (bus.Settings{URL: c.NATS, Seed: "made", CA: "made"}).Check() {
		faults.Need(false, "nats", fault.Problem)
	}
	faults.Need(strings.TrimSpace(c.Audience) != "", "audience", "is missing: name what the application's session tokens are for, such as shop")
	if c.Inbox != "" {
		u, err := url.Parse(c.Inbox)
		faults.Need(err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https"), "inbox", "isn't a web address, such as http://127.0.0.1:7406")
	}
	for _, text := range []struct{ key, value string }{{"authn", c.Authn}, {"risk", c.Risk}, {"notify", c.Notify}, {"nats", c.NATS}, {"audience", c.Audience}, {"inbox", c.Inbox}} {
		faults.Need(!strings.ContainsFunc(text.value, unicode.IsControl), text.key, "holds a control character")
	}
	return faults
}

// application is what an application needs to know, which finds the deployment's files below dir.
func (c Contacts) application(keys FirstKeys, dir string) Env {
	env := append(Env{{keyVariable, keys.Application.Reveal()}}, c.authn(dir)...)
	env = append(env,
		Variable{issuerVariable, c.Issuer},
		Variable{audienceVariable, c.Audience},
		Variable{"DOORWARD_NATS_URL", c.NATS},
		Variable{"DOORWARD_NATS_SEED", bus.SeedFile(Layout{Dir: dir}.NATS(), bus.SDK)},
	)
	if c.Subscriber {
		env = append(env, Variable{"DOORWARD_EVENTS_SEED", bus.SeedFile(Layout{Dir: dir}.NATS(), bus.Subscriber)})
	}
	if c.natsNeedsTLS() {
		env = append(env, Variable{"DOORWARD_NATS_CA", caFile(dir)}, Variable{"DOORWARD_NATS_SERVER_NAME", "nats"})
	}
	if c.Inbox != "" {
		env = append(env, Variable{"DOORWARD_INBOX", c.Inbox})
	}
	return env
}

// operator is what an operator needs to know.
func (c Contacts) operator(keys FirstKeys, dir string) Env {
	env := append(Env{{keyVariable, keys.Operator.Reveal()}}, c.authn(dir)...)
	// Neither knows API keys: they know the operator by the certificate in this directory.
	env = append(env, Variable{"DOORWARD_CERTS", Layout{Dir: dir}.Certs()})
	if c.Risk != "" {
		env = append(env, Variable{"DOORWARD_RISK_ADDRESS", c.Risk})
	}
	if c.Notify != "" {
		env = append(env, Variable{"DOORWARD_NOTIFY_ADDRESS", c.Notify})
	}
	return env
}

// authn is how authn is reached, by either.
func (c Contacts) authn(dir string) Env {
	return Env{
		{"DOORWARD_ADDRESS", c.Authn},
		{"DOORWARD_CA", caFile(dir)},
		{"DOORWARD_SERVER_NAME", "authn"},
	}
}

// natsNeedsTLS is true of all but a plain connection within this machine, as to an embedded server.
func (c Contacts) natsNeedsTLS() bool {
	plain := bus.Settings{URL: c.NATS, Seed: "made"}
	return len(plain.Check()) > 0 || strings.Contains(c.NATS, "tls://")
}

func caFile(dir string) string { return filepath.Join(Layout{Dir: dir}.Certs(), "ca.pem") }

// WriteEnv writes the env files of those who find the deployment's files where they were made. It returns the application's.
func (l Layout) WriteEnv(keys FirstKeys, at Contacts) (Env, error) {
	dir := absolute(l.Dir)
	app := at.application(keys, dir)
	return app, errors.Join(app.write(l.AppEnv(), l.AppEnv()), at.operator(keys, dir).write(l.OperatorEnv(), l.OperatorEnv()))
}
