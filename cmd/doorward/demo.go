package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/cmd/doorward/internal/development"
	"github.com/doorward/doorward/cmd/doorward/internal/story"
	"github.com/doorward/doorward/cmd/doorward/internal/suite"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/telemetry"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/verify"
	"github.com/doorward/doorward/services/risk"
)

// Where the story's people are. Their addresses are found in the country data.
const (
	homeCountry = "DE"
	awayCountry = "BR"
)

// worldNeeds are what the story must know of a suite.
var worldNeeds = []string{
	"DOORWARD_ADDRESS", "DOORWARD_API_KEY", "DOORWARD_CA", "DOORWARD_ISSUER", "DOORWARD_AUDIENCE",
	"DOORWARD_NATS_URL", "DOORWARD_NATS_SEED",
}

// inboxVariable is where the inbox's page is.
const inboxVariable = "DOORWARD_INBOX"

// askedFor are what doorward init writes for who asks for it: not every application hears of events, and not every suite has an inbox.
var askedFor = []struct{ variable, flag string }{{"DOORWARD_EVENTS_SEED", "--subscriber"}, {inboxVariable, "--inbox URL"}}

// needAsked reports which of them an env file hasn't, and how it gets them.
func needAsked(file string, env deployment.Env) error {
	var missing, flags []string
	for _, a := range askedFor {
		if env.Get(a.variable) == "" {
			missing, flags = append(missing, a.variable), append(flags, a.flag)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%s: no %s, which the demo needs: run doorward init again with %s too", file, strings.Join(missing, ", "), strings.Join(flags, " "))
}

type demoCmd struct {
	Against string `type:"existingfile" placeholder:"FILE" help:"Play against a running suite: an env file such as .doorward/dev.env. Without it the demo starts its own and removes it afterwards."`
}

func (demoCmd) Help() string {
	return `Plays the story headless against real services: gRPC, NATS JetStream, SMTP and files. One line a step, with what was seen. Exits 1 at the first step
that isn't as told. Example:

  doorward demo --against .doorward/dev.env`
}

func (c *demoCmd) Run(ctx context.Context, s streams) error {
	if c.Against != "" {
		env, err := deployment.ReadEnv(c.Against)
		if err != nil {
			return err
		}
		if err := env.Need(worldNeeds...); err != nil {
			return fmt.Errorf("%s: %w", c.Against, err)
		}
		if err := needAsked(c.Against, env); err != nil {
			return err
		}
		if err := answers(ctx, env.Get("DOORWARD_ADDRESS")); err != nil {
			return err
		}
		return c.play(ctx, s, env)
	}
	dir, err := os.MkdirTemp("", "doorward-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	return c.playOwn(ctx, s, dir)
}

// answers says at once that nothing is there, which gRPC would only find in its own time.
func answers(ctx context.Context, address string) error {
	dialer := net.Dialer{Timeout: 3 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("no authn is at %s: start the suite first, or give the env file of one that runs: %w", address, err)
	}
	return conn.Close()
}

// playOwn starts a suite, plays, and stops it.
func (c *demoCmd) playOwn(ctx context.Context, s streams, dir string) error {
	began := time.Now()
	logger, err := s.logger(slog.LevelError)
	if err != nil {
		return err
	}
	all, err := development.New(ctx, development.Config{
		Dir: dir, Process: suite.Process{Logger: logger, Registerer: telemetry.NewRegistry(), Now: time.Now},
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	running := make(chan error, 1)
	go func() { running <- all.Run(ctx) }() // ends with ctx; its answer is awaited below
	if err := all.AwaitServing(ctx); err != nil {
		stop()
		return errors.Join(err, <-running)
	}
	fmt.Fprintf(s.out, "Four services, NATS and an inbox are up in %s.\n", time.Since(began).Round(time.Millisecond))
	played := c.play(ctx, s, all.AppEnv())
	stop()
	return errors.Join(played, <-running)
}

// play puts the story's world together from an env file, as an application would, and plays.
func (c *demoCmd) play(ctx context.Context, s streams, env deployment.Env) (err error) {
	began := time.Now()
	world, closeWorld, err := openWorld(ctx, s, env)
	if err != nil {
		return fmt.Errorf("connect to the suite; is it running? %w", err)
	}
	defer func() { err = errors.Join(err, closeWorld()) }()
	if err := story.Play(ctx, world); err != nil {
		return err
	}
	fmt.Fprintf(s.out, `
As told, in %s.

Next: %sthe notes example of README.md, in which you revoke a session yourself.
`, time.Since(began).Round(time.Millisecond), c.first())
	return nil
}

// first is what comes before the notes example: a suite that stays, when the demo ran its own.
func (c *demoCmd) first() string {
	if c.Against != "" {
		return ""
	}
	return "go run ./cmd/doorward dev, then "
}

// openWorld connects the story to a suite. What it opened is closed by the function that it returns.
func openWorld(ctx context.Context, s streams, env deployment.Env) (w story.World, closeAll func() error, err error) {
	var opened closers
	defer func() {
		if err != nil {
			err = errors.Join(err, opened.closeAll())
		}
	}()
	if w.Doorward, err = doorward.New(doorward.Config{
		Address: env.Get("DOORWARD_ADDRESS"), APIKey: doorward.SecretOf(env.Get("DOORWARD_API_KEY")),
		CAFile: env.Get("DOORWARD_CA"), ServerName: env.Get("DOORWARD_SERVER_NAME"),
		SolveChallenges: true,
	}); err != nil {
		return w, nil, err
	}
	opened = append(opened, w.Doorward.Close)
	verifier, err := openVerifier(ctx, w.Doorward, env)
	if err != nil {
		return w, nil, err
	}
	opened = append(opened, verifier.Close)
	if w.Guarded, err = story.StartBackend(ctx, verifier); err != nil {
		return w, nil, err
	}
	opened = append(opened, w.Guarded.Close)
	subscriber, err := openSubscriber(ctx, s, env)
	if err != nil {
		return w, nil, err
	}
	opened = append(opened, func() error { subscriber.Close(); return nil })
	if w.Events, err = story.Subscribe(ctx, subscriber); err != nil {
		return w, nil, err
	}
	opened = append(opened, func() error { w.Events.Close(); return nil })
	browser, err := openBrowser(env.Get("DOORWARD_CA"))
	if err != nil {
		return w, nil, err
	}
	opened = append(opened, func() error { browser.CloseIdleConnections(); return nil })
	w.Inbox = story.Inbox{URL: env.Get(inboxVariable), HTTP: browser}
	w.Report = func(step story.Step) { report(s.out, step) }
	if w.Home, err = network(homeCountry); err != nil {
		return w, nil, err
	}
	w.Away, err = network(awayCountry)
	return w, opened.closeAll, err
}

// closers end what was opened, the last first.
type closers []func() error

func (c closers) closeAll() error {
	var errs []error
	for _, end := range slices.Backward(c) {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

func openVerifier(ctx context.Context, client *doorward.Client, env deployment.Env) (*verify.Verifier, error) {
	source, err := verify.NATS(verify.NATSConfig{
		URL: env.Get("DOORWARD_NATS_URL"), SeedFile: env.Get("DOORWARD_NATS_SEED"), CAFile: env.Get("DOORWARD_NATS_CA"),
		ServerName: env.Get("DOORWARD_NATS_SERVER_NAME"),
	})
	if err != nil {
		return nil, err
	}
	return verify.New(ctx, verify.Config{
		Issuer: env.Get("DOORWARD_ISSUER"), Audience: env.Get("DOORWARD_AUDIENCE"), Authn: client.Conn(), Revocations: source,
	})
}

func openSubscriber(ctx context.Context, s streams, env deployment.Env) (*bus.Conn, error) {
	identity, err := bus.ReadIdentity(env.Get("DOORWARD_EVENTS_SEED"), bus.Subscriber)
	if err != nil {
		return nil, err
	}
	logger, err := s.logger(slog.LevelError)
	if err != nil {
		return nil, err
	}
	transport, err := bus.Transport(env.Get("DOORWARD_NATS_CA"))
	if err != nil {
		return nil, err
	}
	return bus.Connect(ctx, bus.Config{URL: env.Get("DOORWARD_NATS_URL"), Identity: identity, TLS: transport, Logger: logger})
}

// openBrowser trusts the deployment's own CA beside those of the system: a portal that is tried out may have a certificate of it.
func openBrowser(ca string) (*http.Client, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	text, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("read CA: %w", err)
	}
	roots.AppendCertsFromPEM(text)
	return &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}},
		Timeout:   10 * time.Second,
	}, nil
}

func network(country string) (story.Network, error) {
	address, name, err := risk.SampleAddress(country)
	return story.Network{IP: address, Country: name}, err
}

func report(out io.Writer, step story.Step) {
	fmt.Fprintf(out, "%d. %s\n   %s  (%s)\n", step.Number, step.Text, step.Seen, step.Took.Round(time.Millisecond))
}
