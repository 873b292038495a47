package deployment

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// configure writes a file for each service, and has doorward read it.
func (d *Deployment) configure() {
	d.t.Helper()
	nats := func(name string) string {
		return fmt.Sprintf("data_dir: data/%s\nnats:\n  url: %s\n  seed: nats/%[1]s.nk\n", name, d.natsURL())
	}
	listen := func(port int) string { return "listen: " + d.address(port) + "\ncerts: certs\n" }
	for name, text := range map[string]string{
		"authn": listen(portAuthn) + "keys_dir: keys/authn\nmail_key: keys/mail/1.key.pub\nissuer: " + Issuer +
			"\nrisk: " + d.address(portRisk) + "\n" + nats("authn"),
		"risk": listen(portRisk) + nats("risk"),
		"notify": listen(portNotify) + "authn: " + d.address(portAuthn) + "\nseal_keys: keys/mail\nportal_url: " + d.url(portPortal) +
			"\nproduct: Test\nsmtp:\n  address: " + d.address(portSMTP) + "\n  tls: none\n" + nats("notify"),
		"portal": listen(portPortal) + "notify: " + d.address(portNotify) + "\nurl: " + d.url(portPortal) + "\nproduct: Test\n",
	} {
		must(d.t, os.WriteFile(d.Path(name+".yaml"), []byte(text), 0o600))
		d.Command("config", name, "--config", name+".yaml")
	}
}

// bootstrap makes the first API keys; a second time it makes none.
func (d *Deployment) bootstrap() {
	d.t.Helper()
	bootstrap := []string{"authn", "bootstrap", "--config", "authn.yaml", "--audience", Audience}
	said := d.Command(bootstrap...)
	key := func(name string) string {
		found := regexp.MustCompile(`(?m)^` + name + `=(\S+)$`).FindStringSubmatch(said)
		if found == nil {
			d.t.Fatalf("authn bootstrap doesn't print %s", name)
		}
		return found[1]
	}
	d.ApplicationKey, d.OperatorKey = key("DOORWARD_API_KEY"), key("DOORWARD_OPERATOR_API_KEY")
	if again, err := d.Try(nil, bootstrap...); err == nil || strings.Contains(again, "KEY=") {
		d.t.Error("authn bootstrap makes keys a second time")
	}
}
