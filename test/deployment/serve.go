package deployment

import (
	"fmt"
	"os"
	"regexp"
	"testing"
)

// StartServe sets up what `doorward init` makes and `doorward serve` runs: the suite, with its NATS server, in one process. That process is Suite; Authn,
// Risk, Notify and Portal have addresses alone, and are nothing to start or to kill.
func StartServe(t testing.TB) *Deployment {
	t.Helper()
	d := claim(t)
	d.Command("init", "--dir", ".", "--issuer", Issuer, "--audience", Audience, "--authn", d.address(portAuthn), "--nats", d.natsURL(),
		"--inbox", d.url(portWeb))
	d.ApplicationKey, d.OperatorKey = d.keyIn("app.env"), d.keyIn("operator.env")
	must(t, os.WriteFile(d.Path("serve.yaml"), []byte(d.serveConfig()), 0o600))
	d.Command("config", "serve", "--config", "serve.yaml")
	d.Risk, d.Authn, d.Notify = d.part("risk", portRisk), d.part("authn", portAuthn), d.part("notify", portNotify)
	d.Portal = d.part("portal", portPortal)
	d.Suite = d.process("serve", binary(t, "doorward"), "serve", "--config", "serve.yaml")
	d.Suite.Debug = d.address(portDebug)
	authn, notify, risk := d.healthy(d.Authn), d.healthy(d.Notify), d.healthy(d.Risk)
	d.Suite.answers = func() bool { return authn() && notify() && risk() }
	d.Inbox = d.inbox()
	d.Begin(d.Inbox, d.Suite)
	return d
}

// part is a service within another process.
func (d *Deployment) part(name string, port int) *Process {
	return &Process{Name: name, Address: d.address(port), t: d.t, dir: d.dir}
}

func (d *Deployment) serveConfig() string {
	return fmt.Sprintf(`dir: .
issuer: %s
product: Test
debug: %s
authn:
  listen: %s
risk:
  listen: %s
notify:
  listen: %s
portal:
  listen: %s
  url: https://localhost:%d
  tls_cert: certs/portal.pem
  tls_key: certs/portal.key
nats:
  listen: %s
smtp:
  address: %s
  tls: none
  from: Test <no-reply@test.example>
`, Issuer, d.address(portDebug), d.address(portAuthn), d.address(portRisk), d.address(portNotify), d.address(portPortal), d.base+portPortal,
		d.address(portNATS), d.address(portSMTP))
}

// keyIn is the API key in an env file.
func (d *Deployment) keyIn(file string) string {
	d.t.Helper()
	text, err := os.ReadFile(d.Path(file))
	must(d.t, err)
	found := regexp.MustCompile(`(?m)^export DOORWARD_API_KEY='([^']+)'$`).FindSubmatch(text)
	if found == nil {
		d.t.Fatalf("%s holds no API key", file)
	}
	return string(found[1])
}
