package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/test/e2e/ports"
)

// Where things listen, counted from the block's base.
const (
	portAuthn = iota + 1
	portRisk
	portNotify
	portPortal
	portSMTP
	portWeb
	portNATS
)

const (
	issuer   = "https://id.e2e.example"
	audience = "e2e"
)

// deployment is the suite as an operator sets it up, on one machine.
type deployment struct {
	*testing.T
	dir  string
	base int
	nats *bus.Server

	authn, risk, notify, portal, inbox *process

	applicationKey, operatorKey string
}

// deploy sets everything up and starts it.
func deploy(t *testing.T) *deployment {
	t.Helper()
	base, release, err := ports.Claim(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, release()) })
	d := &deployment{T: t, dir: t.TempDir(), base: base}
	d.doorward("certs", "--dir", "certs")
	d.doorward("nats", "keys", "--dir", "nats")
	d.startNATS()
	d.doorward("streams", "apply", "--url", d.nats.URL(), "--seed", "nats/operator.nk")
	must(t, os.MkdirAll(d.path("keys/mail"), 0o700))
	_, err = seal.CreateKey(d.path("keys/mail/1.key"))
	must(t, err)
	d.configure()
	d.bootstrap()
	d.inbox = d.process("inbox", "--smtp", d.address(portSMTP), "--web", d.address(portWeb))
	d.risk, d.authn, d.notify, d.portal = d.service("risk"), d.service("authn"), d.service("notify"), d.service("portal")
	for _, p := range d.processes() {
		p.start(t)
	}
	d.awaitServing(d.processes()...)
	return d
}

// processes are all, in the order of a start: who is asked comes before who asks.
func (d *deployment) processes() []*process {
	return []*process{d.inbox, d.risk, d.authn, d.notify, d.portal}
}

func (d *deployment) process(name string, args ...string) *process {
	return &process{name: name, args: append([]string{name}, args...), dir: d.dir}
}

func (d *deployment) service(name string) *process { return d.process(name, "--config", name+".yaml") }

func (d *deployment) path(name string) string { return filepath.Join(d.dir, name) }

func (d *deployment) address(offset int) string { return ports.Address(d.base + offset) }

func (d *deployment) url(offset int) string { return "http://" + d.address(offset) }

// doorward runs a command in the deployment's directory, and returns what it printed.
func (d *deployment) doorward(args ...string) string {
	d.Helper()
	return command(d.T, d.dir, nil, args...)
}

// startNATS runs the server with the identities that the command made, and logs beside the services.
func (d *deployment) startNATS() {
	d.Helper()
	var identities []bus.Identity
	for _, name := range bus.Names() {
		identity, err := bus.LoadIdentity(d.path("nats"), name)
		must(d.T, err)
		identities = append(identities, identity)
	}
	log, err := os.OpenFile(d.path("nats.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(d.T, err)
	d.nats, err = bus.StartServer(bus.ServerConfig{
		Dir: d.path("jetstream"), Port: d.base + portNATS, Identities: identities, Logger: slog.New(slog.NewJSONHandler(log, nil)),
	})
	must(d.T, err)
	server := d.nats
	d.Cleanup(func() {
		server.Stop() // once more does nothing
		must(d.T, log.Close())
	})
}

// configure writes a file for each service.
func (d *deployment) configure() {
	d.Helper()
	nats := func(name string) string {
		return fmt.Sprintf("nats:\n  url: %s\n  seed: nats/%s.nk\n", d.nats.URL(), name)
	}
	for name, text := range map[string]string{
		"authn": "keys_dir: keys/authn\nmail_key: keys/mail/1.key.pub\nissuer: " + issuer + "\nrisk: " + d.address(portRisk) + "\n" +
			"data_dir: data/authn\n" + nats("authn"),
		"risk": "data_dir: data/risk\n" + nats("risk"),
		"notify": "authn: " + d.address(portAuthn) + "\nseal_keys: keys/mail\nportal_url: " + d.url(portPortal) + "\nproduct: E2E\n" +
			"smtp:\n  address: " + d.address(portSMTP) + "\n  tls: none\ndata_dir: data/notify\n" + nats("notify"),
		"portal": "notify: " + d.address(portNotify) + "\nurl: " + d.url(portPortal) + "\nproduct: E2E\n",
	} {
		offset := map[string]int{"authn": portAuthn, "risk": portRisk, "notify": portNotify, "portal": portPortal}[name]
		text = "listen: " + d.address(offset) + "\ncerts: certs\n" + text
		must(d.T, os.WriteFile(d.path(name+".yaml"), []byte(text), 0o600))
		d.doorward("config", name, "--config", name+".yaml")
	}
}

// bootstrap makes the first API keys; a second time it makes none.
func (d *deployment) bootstrap() {
	d.Helper()
	bootstrap := []string{"authn", "bootstrap", "--config", "authn.yaml", "--audience", audience}
	said := d.doorward(bootstrap...)
	key := func(name string) string {
		found := regexp.MustCompile(`(?m)^` + name + `=(\S+)$`).FindStringSubmatch(said)
		if found == nil {
			d.Fatalf("authn bootstrap doesn't print %s", name)
		}
		return found[1]
	}
	d.applicationKey, d.operatorKey = key("DOORWARD_API_KEY"), key("DOORWARD_OPERATOR_API_KEY")
	if again, err := attempt(d.T, d.dir, nil, bootstrap...); err == nil || strings.Contains(again, "KEY=") {
		d.Error("authn bootstrap makes keys a second time")
	}
}

// awaitServing waits until the processes do their work.
func (d *deployment) awaitServing(started ...*process) {
	d.Helper()
	for _, p := range started {
		eventually(d.T, p.name+" serves", func() bool {
			select {
			case err := <-p.ended:
				p.ended <- err
				d.Fatalf("%s ended: %v\n%s", p.name, err, p.log(d.T))
			default:
			}
			return d.serves(p)
		})
	}
}

// serves asks once: services by their health, the others by their page.
func (d *deployment) serves(p *process) bool {
	d.Helper()
	grpc := map[*process]int{d.authn: portAuthn, d.risk: portRisk, d.notify: portNotify}
	if offset, ok := grpc[p]; ok {
		_, err := attempt(d.T, d.dir, nil, "health", p.name, "--address", d.address(offset), "--certs", "certs")
		return err == nil
	}
	page := d.url(portWeb)
	if p == d.portal {
		page = d.url(portPortal)
	}
	response, err := web.Get(page)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return true
}

// restart stops a process and starts it again.
func (d *deployment) restart(p *process) {
	d.Helper()
	p.stop(d.T)
	d.begin(p)
}

// begin starts processes that were stopped or killed, and waits until they serve.
func (d *deployment) begin(stopped ...*process) {
	d.Helper()
	for _, p := range stopped {
		p.start(d.T)
	}
	d.awaitServing(stopped...)
}

// stopAll stops everything, the edge first.
func (d *deployment) stopAll() {
	d.Helper()
	for _, p := range []*process{d.portal, d.notify, d.authn, d.risk, d.inbox} {
		p.stop(d.T)
	}
}

// environment is what an application needs, as the env file of `doorward dev` has it.
func (d *deployment) environment() map[string]string {
	return map[string]string{
		"DOORWARD_ADDRESS":     d.address(portAuthn),
		"DOORWARD_API_KEY":     d.applicationKey,
		"DOORWARD_CA":          d.path("certs/ca.pem"),
		"DOORWARD_SERVER_NAME": "authn",
		"DOORWARD_ISSUER":      issuer,
		"DOORWARD_AUDIENCE":    audience,
		"DOORWARD_NATS_URL":    d.nats.URL(),
		"DOORWARD_NATS_SEED":   bus.SeedFile(d.path("nats"), bus.SDK),
		"DOORWARD_EVENTS_SEED": bus.SeedFile(d.path("nats"), bus.Subscriber),
		"DOORWARD_INBOX":       d.url(portWeb),
	}
}

// web is the browser of everybody.
var web = &http.Client{Timeout: 10 * time.Second}

// mail is one that arrived in the inbox.
type mail struct {
	ID      int      `json:"id"`
	To      []string `json:"to"`
	Subject string   `json:"subject"`
	Text    string   `json:"text"`
	Links   []string `json:"links"`
}

// mails lists what the inbox holds for an address, or for everybody.
func (d *deployment) mails(to string) []mail {
	d.Helper()
	response, err := web.Get(d.url(portWeb) + "/messages.json?" + url.Values{"to": {to}}.Encode())
	must(d.T, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(d.T, err)
	var answer struct{ Messages []mail }
	must(d.T, json.Unmarshal(text, &answer))
	return answer.Messages
}
