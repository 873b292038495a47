package bus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/secret"
)

var update = flag.Bool("update", false, "write deploy/nats.conf anew")

// may and mayNot are what each identity can publish; requests to JetStream are publications too. Together they are the
// specification of the grants, spelt out by hand on purpose: the table can't excuse itself.
var may = map[bus.Name][]string{
	bus.Authn: {
		"doorward.event.authn.signin.succeeded", "doorward.attempt.signin.failed", "doorward.revocation.session.ses_1",
		"doorward.revocation.heartbeat", "doorward.mail.code", "doorward.dead.authn.DOORWARD_COMMANDS.evt_1",
		"$JS.API.CONSUMER.MSG.NEXT.DOORWARD_COMMANDS.authn", "$JS.ACK.DOORWARD_COMMANDS.authn.1.1.1.1.1",
		"$JS.API.STREAM.INFO.DOORWARD_AUTHN",
	},
	bus.Risk: {
		"doorward.event.risk.decision.made", "doorward.dead.risk.DOORWARD_AUTHN.evt_1",
		"$JS.API.CONSUMER.CREATE.DOORWARD_AUTHN.risk-x.doorward.event.authn.>", "$JS.API.CONSUMER.MSG.NEXT.DOORWARD_ATTEMPTS.risk-x",
	},
	bus.Notify: {
		"doorward.event.notify.alert.sent", "doorward.command.session.contain", "doorward.dead.notify.DOORWARD_MAIL.evt_1",
		"$JS.API.CONSUMER.MSG.NEXT.DOORWARD_MAIL.notify", "$JS.ACK.DOORWARD_AUTHN.notify.1.1.1.1.1",
	},
	bus.SDK: {
		"$JS.API.STREAM.INFO.DOORWARD_REVOCATIONS", "$JS.API.CONSUMER.CREATE.DOORWARD_REVOCATIONS.sdk-x",
		"$JS.API.CONSUMER.CREATE.DOORWARD_REVOCATIONS.sdk-x.doorward.revocation.>", "$JS.API.CONSUMER.MSG.NEXT.DOORWARD_REVOCATIONS.sdk-x",
	},
	bus.Operator: {
		"$JS.API.STREAM.CREATE.DOORWARD_AUTHN", "$JS.API.STREAM.UPDATE.DOORWARD_MAIL", "doorward.dead.notify.DOORWARD_MAIL.evt_1",
		"$JS.API.CONSUMER.CREATE.DOORWARD_DEAD.operator-x.doorward.dead.>",
	},
	bus.Subscriber: {
		"$JS.API.STREAM.INFO.DOORWARD_AUTHN", "$JS.API.CONSUMER.CREATE.DOORWARD_AUTHN.mine.doorward.event.authn.>",
		"$JS.API.CONSUMER.MSG.NEXT.DOORWARD_NOTIFY.mine", "$JS.API.CONSUMER.CREATE.DOORWARD_RISK.mine",
	},
}

var mayNot = map[bus.Name][]string{
	bus.Authn: {
		"doorward.command.session.contain", "doorward.event.notify.alert.sent", "doorward.event.risk.decision.made",
		"doorward.dead.notify.DOORWARD_MAIL.evt_1", "$JS.API.CONSUMER.CREATE.DOORWARD_MAIL.authn", "$JS.API.CONSUMER.MSG.NEXT.DOORWARD_MAIL.notify",
		"$JS.ACK.DOORWARD_MAIL.notify.1.1.1.1.1", "$JS.API.STREAM.DELETE.DOORWARD_AUTHN", "$JS.API.STREAM.PURGE.DOORWARD_REVOCATIONS",
		"$JS.API.STREAM.MSG.GET.DOORWARD_DEAD", "$JS.API.CONSUMER.CREATE.DOORWARD_DEAD.x", "$JS.API.CONSUMER.CREATE.DOORWARD_DEAD.x.doorward.dead.>",
	},
	bus.Risk: {
		"doorward.event.authn.signin.succeeded", "doorward.attempt.signin.failed", "doorward.revocation.session.ses_1", "doorward.mail.code",
		"doorward.command.session.contain", "$JS.API.CONSUMER.CREATE.DOORWARD_MAIL.risk", "$JS.API.CONSUMER.MSG.NEXT.DOORWARD_MAIL.notify",
		"$JS.API.CONSUMER.LIST.DOORWARD_AUTHN", "$JS.API.CONSUMER.NAMES.DOORWARD_AUTHN",
		"$JS.ACK.DOORWARD_AUTHN.notify.1.1.1.1.1", "$JS.API.CONSUMER.CREATE.DOORWARD_DEAD.x.doorward.dead.notify.>",
	},
	bus.Notify: {
		"doorward.mail.code", "doorward.event.authn.signin.succeeded", "doorward.revocation.session.ses_1", "doorward.attempt.signin.failed",
		"$JS.API.CONSUMER.CREATE.DOORWARD_COMMANDS.notify", "$JS.API.CONSUMER.MSG.NEXT.DOORWARD_COMMANDS.authn",
		"$JS.API.CONSUMER.CREATE.DOORWARD_ATTEMPTS.notify", "$JS.ACK.DOORWARD_COMMANDS.authn.1.1.1.1.1",
		"$JS.API.CONSUMER.LIST.DOORWARD_AUTHN", "$JS.API.CONSUMER.NAMES.DOORWARD_MAIL", "$JS.API.CONSUMER.CREATE.DOORWARD_DEAD.x.doorward.dead.authn.>",
	},
	bus.SDK: {
		"doorward.revocation.session.ses_1", "doorward.revocation.heartbeat", "doorward.mail.code", "doorward.command.session.contain",
		"doorward.dead.sdk.x.y", "$JS.API.CONSUMER.CREATE.DOORWARD_AUTHN.sdk", "$JS.API.CONSUMER.CREATE.DOORWARD_ATTEMPTS.sdk",
		"$JS.API.CONSUMER.CREATE.DOORWARD_MAIL.sdk", "$JS.API.CONSUMER.MSG.NEXT.DOORWARD_AUTHN.notify", "$JS.API.STREAM.INFO.DOORWARD_AUTHN",
		"$JS.API.STREAM.LIST", "$JS.API.CONSUMER.LIST.DOORWARD_REVOCATIONS", "$JS.API.STREAM.PURGE.DOORWARD_REVOCATIONS",
		"$JS.API.STREAM.MSG.DELETE.DOORWARD_REVOCATIONS", "$JS.API.INFO", "_INBOX_authn.x",
	},
	bus.Operator: {
		"doorward.event.authn.signin.succeeded", "doorward.mail.code", "doorward.command.session.contain", "doorward.revocation.session.ses_1",
		"$JS.API.CONSUMER.CREATE.DOORWARD_MAIL.operator", "$JS.API.CONSUMER.CREATE.DOORWARD_AUTHN.operator",
		"$JS.API.STREAM.DELETE.DOORWARD_AUTHN", "$JS.API.STREAM.PURGE.DOORWARD_DEAD", "$JS.API.STREAM.MSG.GET.DOORWARD_MAIL",
	},
	bus.Subscriber: {
		"doorward.event.authn.signin.succeeded", "doorward.revocation.heartbeat", "doorward.command.session.contain", "doorward.dead.subscriber.x.y",
		"$JS.API.CONSUMER.CREATE.DOORWARD_MAIL.mine", "$JS.API.CONSUMER.CREATE.DOORWARD_ATTEMPTS.mine", "$JS.API.CONSUMER.CREATE.DOORWARD_COMMANDS.mine",
		"$JS.API.CONSUMER.LIST.DOORWARD_AUTHN", "$JS.API.CONSUMER.NAMES.DOORWARD_NOTIFY", "$JS.API.CONSUMER.MSG.NEXT.DOORWARD_MAIL.notify",
		"$JS.ACK.DOORWARD_AUTHN.notify.1.1.1.1.1", "$JS.API.STREAM.PURGE.DOORWARD_AUTHN",
	},
}

// probe is a bare connection that shows what the server refuses.
type probe struct {
	*testing.T
	nc *client.Conn
}

func dialProbe(t *testing.T, url string, seed []byte, name bus.Name, roots *x509.CertPool) *probe {
	t.Helper()
	p := &probe{T: t}
	pair, err := nkeys.FromSeed(seed)
	must(t, err)
	public, err := pair.PublicKey()
	must(t, err)
	options := []client.Option{
		client.Nkey(public, pair.Sign), client.CustomInboxPrefix(bus.InboxPrefix(name)),
		client.ErrorHandler(func(*client.Conn, *client.Subscription, error) {}), // read from LastError
	}
	if roots != nil {
		options = append(options, client.Secure(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}))
	}
	p.nc, err = client.Connect(url, options...)
	must(t, err)
	t.Cleanup(p.nc.Close)
	return p
}

// refused runs one operation on a subject and says whether the server refused it. The server answers in order: when the flush has
// come back, the refusal has.
func (p *probe) refused(subject string, operation func() error) bool {
	p.Helper()
	must(p.T, operation())
	must(p.T, p.nc.FlushTimeout(10*time.Second))
	err := p.nc.LastError()
	return errors.Is(err, client.ErrPermissionViolation) && strings.Contains(strings.ToLower(err.Error()), strings.ToLower(`"`+subject+`"`))
}

func checkGrants(t *testing.T, connect func(*testing.T, bus.Name) *probe) {
	for _, name := range bus.Names() {
		t.Run(string(name), func(t *testing.T) {
			p := connect(t, name)
			for _, subject := range may[name] {
				if p.refused(subject, func() error { return p.nc.Publish(subject, nil) }) {
					t.Errorf("may not publish %s, but has to", subject)
				}
			}
			for _, subject := range mayNot[name] {
				if !p.refused(subject, func() error { return p.nc.Publish(subject, nil) }) {
					t.Errorf("may publish %s", subject)
				}
			}
			listens(t, p, name)
		})
	}
}

// listens checks that an identity hears its own inbox and nothing else, above all nobody else's.
func listens(t *testing.T, p *probe, name bus.Name) {
	t.Helper()
	subscribe := func(subject string) bool {
		return p.refused(subject, func() error { _, err := p.nc.SubscribeSync(subject); return err })
	}
	if subscribe(bus.InboxPrefix(name) + ".x.>") {
		t.Error("may not listen to its own inbox")
	}
	forbidden := []string{">", "doorward.>", "doorward.mail.>", "doorward.revocation.>", "_INBOX.>", "_INBOX_*.>", "$JS.>", "$SYS.>"}
	for _, other := range bus.Names() {
		if other != name {
			forbidden = append(forbidden, bus.InboxPrefix(other)+".>")
		}
	}
	for _, subject := range forbidden {
		if !subscribe(subject) {
			t.Errorf("may listen to %s", subject)
		}
	}
}

func TestEmbeddedServerEnforcesTheGrants(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ids, err := bus.CreateIdentities(dir)
	must(t, err)
	s, err := bus.StartServer(bus.ServerConfig{Dir: t.TempDir(), Identities: ids, Logger: quiet()})
	must(t, err)
	t.Cleanup(s.Stop)
	checkGrants(t, func(t *testing.T, name bus.Name) *probe {
		return dialProbe(t, s.URL(), seedOf(t, dir, name), name, nil)
	})
}

func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	n := newNATS(t)
	stranger, err := bus.NewIdentity(bus.Authn)
	must(t, err)
	if _, err := bus.Connect(deadline(t), bus.Config{URL: n.server.URL(), Identity: stranger, Logger: quiet()}); err == nil {
		t.Error("an unknown key was let in")
	}
	if nc, err := client.Connect(n.server.URL()); err == nil {
		nc.Close()
		t.Error("a connection without a key was let in")
	}
}

func TestConfIsWhatTheTableSays(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "deploy", "nats.conf")
	want := bus.RenderConf()
	if *update {
		must(t, os.WriteFile(path, []byte(want), 0o644))
	}
	have, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(want, string(have)); diff != "" {
		t.Errorf("deploy/nats.conf is stale; run go test ./internal/bus -run TestConf -update (-want +have):\n%s", diff)
	}
}

// Not parallel: the file takes its variables from the environment.
func TestConfEnforcesTheGrants(t *testing.T) {
	dir := t.TempDir()
	_, err := bus.CreateIdentities(dir)
	must(t, err)
	roots := certificate(t, dir)
	t.Setenv("DOORWARD_NATS_STORE", filepath.Join(dir, "store"))
	t.Setenv("DOORWARD_NATS_CERT", filepath.Join(dir, "cert.pem"))
	t.Setenv("DOORWARD_NATS_KEY", filepath.Join(dir, "key.pem"))
	for _, name := range bus.Names() {
		public, err := os.ReadFile(filepath.Join(dir, string(name)+".pub"))
		must(t, err)
		t.Setenv(bus.KeyVariable(name), strings.TrimSpace(string(public)))
	}
	options, err := server.ProcessConfigFile(filepath.Join("..", "..", "deploy", "nats.conf"))
	must(t, err)
	options.Host, options.Port, options.NoLog, options.NoSigs = "127.0.0.1", server.RANDOM_PORT, true, true
	s, err := server.NewServer(options)
	must(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server with deploy/nats.conf isn't ready")
	}
	if nc, err := client.Connect("nats://"+s.Addr().String(), client.TLSHandshakeFirst()); err == nil {
		nc.Close()
		t.Error("a client that doesn't know the certificate was let in")
	}
	checkGrants(t, func(t *testing.T, name bus.Name) *probe {
		return dialProbe(t, "tls://"+s.Addr().String(), seedOf(t, dir, name), name, roots)
	})
}

func TestIdentitiesAreKeptAndPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "nats")
	first, err := bus.CreateIdentities(dir)
	must(t, err)
	again, err := bus.CreateIdentities(dir)
	must(t, err)
	for i, id := range first {
		if id.Public != again[i].Public {
			t.Errorf("the key of %s was replaced", id.Name)
		}
		info, err := os.Stat(bus.SeedFile(dir, id.Name))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("seed of %s has mode %v", id.Name, info.Mode())
		}
		if seed := string(seedOf(t, dir, id.Name)); strings.Contains(id.String()+id.GoString(), seed) {
			t.Errorf("%s prints its seed", id.Name)
		}
	}
	must(t, os.Chmod(bus.SeedFile(dir, bus.Authn), 0o640))
	if _, err := bus.LoadIdentity(dir, bus.Authn); !errors.Is(err, bus.ErrIdentity) || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a seed that others can read: %v", err)
	}
}

// The SDK and other clients read a seed by nats.go, which must pass over the mark as we do.
func TestMarkedSeedsAreReadByEverybody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ids, err := bus.CreateIdentities(dir, secret.ForDevelopment)
	must(t, err)
	s, err := bus.StartServer(bus.ServerConfig{Dir: t.TempDir(), Identities: ids, Logger: quiet()})
	must(t, err)
	t.Cleanup(s.Stop)
	ours, err := bus.LoadIdentity(dir, bus.SDK)
	must(t, err)
	conn, err := bus.Connect(deadline(t), bus.Config{URL: s.URL(), Identity: ours, Logger: quiet()})
	must(t, err)
	conn.Close()
	theirs, err := client.NkeyOptionFromSeed(bus.SeedFile(dir, bus.SDK))
	must(t, err)
	nc, err := client.Connect(s.URL(), theirs)
	must(t, err)
	nc.Close()
	settings := bus.Settings{Seed: bus.SeedFile(dir, bus.Authn)}
	if err := settings.RefuseDevelopment(); !errors.Is(err, secret.ErrDevelopment) || !strings.Contains(err.Error(), "doorward nats keys") {
		t.Errorf("production says of it: %v", err)
	}
}

func TestEveryStreamHasOneWriterAndItsReaders(t *testing.T) {
	t.Parallel()
	for _, s := range bus.Streams() {
		var writers []bus.Name
		for _, name := range bus.Names() {
			if slices.Contains(bus.PermissionsOf(name).Publish, s.Subjects) {
				writers = append(writers, name)
			}
		}
		want := []bus.Name{s.Writer}
		if s.Name == bus.StreamDead {
			want = []bus.Name{bus.Operator} // the whole tree; services have a branch each
		}
		if !slices.Equal(writers, want) {
			t.Errorf("%s is written by %v, want %v", s.Name, writers, want)
		}
	}
}

func seedOf(t *testing.T, dir string, name bus.Name) []byte {
	t.Helper()
	seed, err := os.ReadFile(bus.SeedFile(dir, name))
	must(t, err)
	return []byte(strings.TrimSpace(string(seed)))
}

// certificate writes a certificate for loopback and returns the pool that trusts it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	must(t, os.WriteFile(filepath.Join(dir, "cert.pem"), certPEM, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certPEM)
	return roots
}
