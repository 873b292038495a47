package certs_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/secret"
)

func load(t *testing.T, dir, name string) *certs.Material {
	t.Helper()
	m, err := certs.Load(dir, name, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// handshake connects the two over loopback and returns what each side saw.
func handshake(t *testing.T, server, client *tls.Config) (atServer, atClient tls.ConnectionState, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	serverDone := make(chan error, 1)
	go func() { // ends with the handshake, at the latest at ctx's deadline
		conn, err := listener.Accept()
		if err != nil {
			serverDone <- err
			return
		}
		defer conn.Close()
		secured := tls.Server(conn, server)
		err = secured.HandshakeContext(ctx)
		atServer = secured.ConnectionState()
		serverDone <- err
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	secured := tls.Client(conn, client)
	clientErr := secured.HandshakeContext(ctx)
	atClient = secured.ConnectionState()
	if clientErr != nil {
		conn.Close() // frees the server's side
	}
	return atServer, atClient, errors.Join(clientErr, <-serverDone)
}

func TestServicesKnowEachOther(t *testing.T) {
	dir := t.TempDir()
	create(t, dir, options(), "authn", "risk")
	atRisk, atAuthn, err := handshake(t,
		certs.ServerTLS(load(t, dir, "risk"), certs.ServicesOnly), certs.ClientTLS(load(t, dir, "authn"), "risk"))
	if err != nil {
		t.Fatal(err)
	}
	if name, ok := certs.PeerName(&atRisk); !ok || name != "authn" {
		t.Errorf("risk sees %q, %v; want authn", name, ok)
	}
	if name, ok := certs.PeerName(&atAuthn); !ok || name != "risk" {
		t.Errorf("authn sees %q, %v; want risk", name, ok)
	}
	if atRisk.Version != tls.VersionTLS13 {
		t.Errorf("version %x, want TLS 1.3", atRisk.Version)
	}
}

func TestHandshakeRefuses(t *testing.T) {
	dir, foreign := t.TempDir(), t.TempDir()
	create(t, dir, options(), "authn", "risk")
	create(t, foreign, options(), "authn", "risk")
	risk, authn := load(t, dir, "risk"), load(t, dir, "authn")
	old := certs.ClientTLS(authn, "risk")
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	for name, c := range map[string]struct{ server, client *tls.Config }{
		"another service's name": {certs.ServerTLS(authn, certs.ServicesOnly), certs.ClientTLS(authn, "risk")},
		"client of another CA":   {certs.ServerTLS(risk, certs.ServicesOnly), withRoots(certs.ClientTLS(load(t, foreign, "authn"), "risk"), risk.Roots())},
		"the same, when anyone may call": {certs.ServerTLS(risk, certs.Anyone),
			withRoots(certs.ClientTLS(load(t, foreign, "authn"), "risk"), risk.Roots())},
		"server of another CA": {certs.ServerTLS(load(t, foreign, "risk"), certs.ServicesOnly), certs.ClientTLS(authn, "risk")},
		"no certificate":       {certs.ServerTLS(risk, certs.ServicesOnly), &tls.Config{RootCAs: risk.Roots(), ServerName: "risk"}},
		"TLS 1.2":              {certs.ServerTLS(risk, certs.ServicesOnly), old},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := handshake(t, c.server, c.client); err == nil {
				t.Error("the handshake succeeded")
			}
		})
	}
}

// withRoots makes a client trust the server, so that only its own certificate is in question.
func withRoots(config *tls.Config, roots *x509.CertPool) *tls.Config {
	config.RootCAs = roots
	return config
}

func TestPeerWithoutCertificateHasNoName(t *testing.T) {
	dir := t.TempDir()
	opts := options()
	opts.Hosts = []string{"auth.example.org"}
	create(t, dir, opts, "authn")
	authn := load(t, dir, "authn")
	atServer, _, err := handshake(t,
		certs.ServerTLS(authn, certs.Anyone), &tls.Config{RootCAs: authn.Roots(), ServerName: "auth.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	if name, ok := certs.PeerName(&atServer); ok {
		t.Errorf("a peer without certificate is %q", name)
	}
}

func TestPeerNameNeedsExactlyOneIdentityOfAVerifiedLeaf(t *testing.T) {
	verified := func(uris ...string) *tls.ConnectionState {
		leaf := &x509.Certificate{DNSNames: []string{"authn"}}
		for _, raw := range uris {
			uri, err := url.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			leaf.URIs = append(leaf.URIs, uri)
		}
		return &tls.ConnectionState{HandshakeComplete: true, VerifiedChains: [][]*x509.Certificate{{leaf}}}
	}
	if name, ok := certs.PeerName(verified("doorward://service/authn")); !ok || name != "authn" {
		t.Fatalf("PeerName = %q, %v; want authn", name, ok)
	}
	unverified := verified("doorward://service/authn")
	unverified.PeerCertificates, unverified.VerifiedChains = unverified.VerifiedChains[0], nil
	unfinished := verified("doorward://service/authn")
	unfinished.HandshakeComplete = false
	authority := verified("doorward://service/authn")
	authority.VerifiedChains[0][0].IsCA = true
	for name, state := range map[string]*tls.ConnectionState{
		"no connection":    nil,
		"empty state":      {},
		"DNS name alone":   verified(),
		"unverified":       unverified,
		"unfinished":       unfinished,
		"a CA":             authority,
		"two identities":   verified("doorward://service/authn", "doorward://service/risk"),
		"another URI too":  verified("doorward://service/authn", "https://example.org/"),
		"another scheme":   verified("spiffe://service/authn"),
		"another host":     verified("doorward://services/authn"),
		"a port":           verified("doorward://service:1/authn"),
		"user info":        verified("doorward://x@service/authn"),
		"a query":          verified("doorward://service/authn?x"),
		"a fragment":       verified("doorward://service/authn#x"),
		"an escape":        verified("doorward://service/%61uthn"),
		"a deeper path":    verified("doorward://service/authn/x"),
		"a doubled slash":  verified("doorward://service//authn"),
		"no name":          verified("doorward://service/"),
		"upper-case name":  verified("doorward://service/Authn"),
		"a trailing slash": verified("doorward://service/authn/"),
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := certs.PeerName(state); ok {
				t.Errorf("PeerName = %q", got)
			}
		})
	}
}

func TestRenewedCertificateIsServedWithoutRestart(t *testing.T) {
	dir := t.TempDir()
	create(t, dir, options(), "authn", "risk")
	server := certs.ServerTLS(load(t, dir, "risk"), certs.ServicesOnly)
	client := certs.ClientTLS(load(t, dir, "authn"), "risk")
	serial := func() string {
		t.Helper()
		_, atClient, err := handshake(t, server, client)
		if err != nil {
			t.Fatal(err)
		}
		return atClient.PeerCertificates[0].SerialNumber.String()
	}
	first := serial()

	remove(t, dir, "risk.key") // half a renewal: what is in use stays
	if serial() != first {
		t.Error("a missing key changed the certificate")
	}
	create(t, dir, options(), "risk")
	if got, want := serial(), leaf(t, dir, "risk").SerialNumber.String(); got != want || got == first {
		t.Errorf("serial %s served, want the new %s", got, want)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"no CA":         func(t *testing.T, dir string) { remove(t, dir, "ca.pem") },
		"leaf as CA":    func(t *testing.T, dir string) { rename(t, dir, "risk.pem", "ca.pem") },
		"no key":        func(t *testing.T, dir string) { remove(t, dir, "authn.key") },
		"another's key": func(t *testing.T, dir string) { rename(t, dir, "risk.key", "authn.key") },
		"another service": func(t *testing.T, dir string) {
			rename(t, dir, "risk.key", "authn.key")
			rename(t, dir, "risk.pem", "authn.pem")
		},
		"readable key": func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, "authn.key"), 0o640); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			create(t, dir, options(), "authn", "risk")
			spoil(t, dir)
			if _, err := certs.Load(dir, "authn", slog.New(slog.DiscardHandler)); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestDevelopmentCAIsMarked(t *testing.T) {
	for _, development := range []bool{true, false} {
		dir, opts := t.TempDir(), options()
		opts.Development = development
		create(t, dir, opts, "authn")
		if got := load(t, dir, "authn").Development(); got != development {
			t.Errorf("Development = %v, want %v", got, development)
		}
		err := load(t, dir, "authn").RefuseDevelopment()
		if errors.Is(err, secret.ErrDevelopment) != development || development && !strings.Contains(err.Error(), "doorward certs") {
			t.Errorf("with Development = %v production says %v", development, err)
		}
	}
}
