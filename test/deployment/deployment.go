package deployment

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/porttest"
	"github.com/doorward/doorward/internal/seal"
)

// Where things listen, counted from the block's base. The services' debug listeners follow.
const (
	portAuthn = iota + 1
	portRisk
	portNotify
	portPortal
	portSMTP
	portWeb
	portNATS
	portDebug
)

// What the session tokens name.
const (
	Issuer   = "https://id.test.example"
	Audience = "test"
)

// Deployment is a suite on one machine. Its methods are for the test's own goroutine, unless they say otherwise.
type Deployment struct {
	NATS, Inbox, Risk, Authn, Notify, Portal *Process
	// Suite is all of them but the inbox in one process, where StartServe made it.
	Suite *Process

	// ApplicationKey and OperatorKey are the first API keys.
	ApplicationKey, OperatorKey string

	t    testing.TB
	dir  string
	base int
}

// Start sets a suite up, with a process for each part, starts it and returns when all of it serves.
func Start(t testing.TB) *Deployment {
	t.Helper()
	d := claim(t)
	d.Command("certs", "--dir", "certs")
	d.Command("nats", "keys", "--dir", "nats")
	d.NATS = d.process("nats", binary(t, "natsserver"), "--keys", "nats", "--store", "jetstream", "--port", strconv.Itoa(d.base+portNATS))
	d.NATS.Address = d.address(portNATS)
	d.NATS.answers = d.accepts(portNATS)
	d.Begin(d.NATS)
	d.Command("streams", "apply", "--url", d.natsURL(), "--seed", "nats/operator.nk")
	must(t, os.MkdirAll(d.Path("keys/mail"), 0o700))
	_, err := seal.CreateKey(d.Path("keys/mail/1.key"))
	must(t, err)
	d.configure()
	d.bootstrap()
	d.Inbox = d.inbox()
	d.Risk, d.Authn, d.Notify = d.service("risk", portRisk), d.service("authn", portAuthn), d.service("notify", portNotify)
	d.Portal = d.service("portal", portPortal)
	d.Portal.answers = d.shows(d.url(portPortal) + "/health")
	d.Begin(d.Inbox, d.Risk, d.Authn, d.Notify, d.Portal)
	return d
}

// claim takes a directory and a block of ports.
func claim(t testing.TB) *Deployment {
	t.Helper()
	base, release, err := porttest.Claim(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, release()) })
	return &Deployment{t: t, dir: t.TempDir(), base: base}
}

func (d *Deployment) inbox() *Process {
	p := d.process("inbox", binary(d.t, "doorward"), "inbox", "--smtp", d.address(portSMTP), "--web", d.address(portWeb))
	p.Address = d.address(portSMTP)
	p.answers = d.shows(d.url(portWeb))
	return p
}

// service is a process that reads <name>.yaml and shows its metrics.
func (d *Deployment) service(name string, port int) *Process {
	debug := d.address(portDebug + port - portAuthn)
	p := d.process(name, binary(d.t, "doorward"), name, "--config", name+".yaml", "--debug", debug)
	p.Address, p.Debug = d.address(port), debug
	p.answers = d.healthy(p)
	return p
}

// Path is a file's of the deployment.
func (d *Deployment) Path(name string) string { return filepath.Join(d.dir, name) }

func (d *Deployment) address(offset int) string { return porttest.Address(d.base + offset) }

func (d *Deployment) url(offset int) string { return "http://" + d.address(offset) }

func (d *Deployment) natsURL() string { return "nats://" + d.address(portNATS) }

// Environment is what an application needs, as the env file of `doorward dev` has it.
func (d *Deployment) Environment() map[string]string {
	return map[string]string{
		"DOORWARD_ADDRESS":     d.address(portAuthn),
		"DOORWARD_API_KEY":     d.ApplicationKey,
		"DOORWARD_CA":          d.Path("certs/ca.pem"),
		"DOORWARD_SERVER_NAME": "authn",
		"DOORWARD_ISSUER":      Issuer,
		"DOORWARD_AUDIENCE":    Audience,
		"DOORWARD_NATS_URL":    d.natsURL(),
		"DOORWARD_NATS_SEED":   bus.SeedFile(d.Path("nats"), bus.SDK),
		"DOORWARD_EVENTS_SEED": bus.SeedFile(d.Path("nats"), bus.Subscriber),
		"DOORWARD_INBOX":       d.url(portWeb),
	}
}
