package testbed

import (
	"context"
	"crypto/tls"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/seal"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/verify"
	"github.com/doorward/doorward/services/authn"
)

// The names in the session tokens.
const (
	issuer   = "https://id.example.com"
	audience = "notes"
)

// Bed is authn with its surroundings.
type Bed struct {
	Bus *Bus

	t       testing.TB
	certs   string
	keys    authn.Bootstrapped
	service *authn.Service
	app     *doorward.Client
	mails   *mailbox
}

// New runs authn until the test ends. Adjust may change what it is told of its surroundings, such as the way to NATS.
func New(t testing.TB, adjust ...func(*authn.Config)) *Bed {
	t.Helper()
	dir := t.TempDir()
	b := &Bed{Bus: StartBus(t), t: t, certs: filepath.Join(dir, "certs")}
	_, err := certs.Create(b.certs, []string{"authn", "risk"}, certs.Options{Now: time.Now()})
	must(t, err)
	mailKey := filepath.Join(dir, "mail.key")
	_, err = seal.CreateKey(mailKey)
	must(t, err)
	cfg := authn.Config{
		Listen:  "127.0.0.1:0",
		DataDir: filepath.Join(dir, "data"),
		KeysDir: filepath.Join(dir, "keys"),
		Certs:   b.certs,
		Issuer:  issuer,
		MailKey: mailKey + seal.PublicSuffix,
		Risk:    serveRisk(t, b.certs),
		NATS:    bus.Settings{URL: b.Bus.URL(), Seed: b.Bus.Seed(bus.Authn)},
	}
	for _, change := range adjust {
		change(&cfg)
	}
	b.keys, err = authn.Bootstrap(t.Context(), cfg, audience)
	must(t, err)
	b.service, err = authn.New(t.Context(), cfg, authn.Deps{Logger: quiet(), Registerer: prometheus.NewRegistry(), Now: time.Now})
	must(t, err)
	runUntilEnd(t, "authn", b.service.Run)
	b.mails = readMails(t, b.Bus, mailKey)
	b.app = b.Application(b.Addr())
	return b
}

// Addr is where authn serves.
func (b *Bed) Addr() string { return b.service.Addr().String() }

// Application is a backend's client, which reaches authn at an address: Addr, or a proxy's.
func (b *Bed) Application(address string) *doorward.Client {
	b.t.Helper()
	client, err := doorward.New(doorward.Config{
		Address:    address,
		APIKey:     doorward.SecretOf(b.keys.ApplicationKey.Reveal()),
		CAFile:     filepath.Join(b.certs, "ca.pem"),
		ServerName: "authn",

		SolveChallenges: true,
	})
	must(b.t, err)
	b.t.Cleanup(func() { _ = client.Close() })
	return client
}

// Plain is a connection with the application's key and nothing of the SDK's in between, for measuring authn alone.
func (b *Bed) Plain() *grpc.ClientConn {
	b.t.Helper()
	conn, err := grpc.NewClient(b.Addr(),
		grpc.WithTransportCredentials(credentials.NewTLS(b.Client())),
		grpc.WithPerRPCCredentials(bearer(b.keys.ApplicationKey.Reveal())))
	must(b.t, err)
	b.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Operator calls with the operator's key.
func (b *Bed) Operator() authnv1.SessionServiceClient {
	b.t.Helper()
	return authnv1.NewSessionServiceClient(b.asOperator())
}

// KeyOperator changes the signing keys.
func (b *Bed) KeyOperator() authnv1.KeyServiceClient {
	b.t.Helper()
	return authnv1.NewKeyServiceClient(b.asOperator())
}

// Unpaced lets calls come as fast as a benchmark makes them and as many, and asks nobody for a proof of work.
func (b *Bed) Unpaced() {
	b.t.Helper()
	ctx, cancel := deadline(b.t)
	defer cancel()
	policies := authnv1.NewPolicyServiceClient(b.asOperator())
	current, err := policies.GetPolicy(ctx, &authnv1.GetPolicyRequest{})
	must(b.t, err)
	p := current.GetPolicy()
	p.RateIdentifierStarts, p.RateIdentifierAnswers, p.RateDeviceStarts, p.RateDeviceAnswers = 1000, 1000, 1000, 1000
	p.RateNetworkStarts, p.RateNetworkAnswers = 100_000, 100_000
	p.CodesPerNetworkDay, p.CodesPerDeploymentHour = 1_000_000, 1_000_000
	p.ChallengeSignUp, p.ChallengeAfterFailures, p.ChallengeUnderLoad = authnv1.SignUpChallenge_SIGN_UP_CHALLENGE_OFF, 0, false
	_, err = policies.UpdatePolicy(ctx, &authnv1.UpdatePolicyRequest{Policy: p})
	must(b.t, err)
}

func (b *Bed) asOperator() *grpc.ClientConn {
	b.t.Helper()
	conn, err := rpc.Dial(b.Addr(), rpc.ClientConfig{TLS: b.Client(), Credentials: bearer(b.keys.OperatorKey.Reveal())})
	must(b.t, err)
	b.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Guard is a backend's verifier, on a client of its own and a feed. It is closed with the test.
func (b *Bed) Guard(client *doorward.Client, feed verify.Source, adjust ...func(*verify.Config)) *verify.Verifier {
	b.t.Helper()
	cfg := verify.Config{Issuer: issuer, Audience: audience, Authn: client.Conn(), Revocations: feed}
	for _, change := range adjust {
		change(&cfg)
	}
	verifier, err := verify.New(b.t.Context(), cfg)
	must(b.t, err)
	b.t.Cleanup(func() { _ = verifier.Close() })
	return verifier
}

// Server is authn's side of TLS, for a server that is compared with authn.
func (b *Bed) Server() *tls.Config {
	b.t.Helper()
	return certs.ServerTLS(b.material(), certs.Anyone)
}

// Client is the application's side.
func (b *Bed) Client() *tls.Config {
	b.t.Helper()
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: b.material().Roots(), ServerName: "authn"}
}

func (b *Bed) material() *certs.Material {
	b.t.Helper()
	material, err := certs.Load(b.certs, "authn", quiet())
	must(b.t, err)
	return material
}

// bearer is an API key as a caller sends it.
type bearer string

var _ credentials.PerRPCCredentials = bearer("")

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return true }
