package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/telemetry"
)

type natsCmd struct {
	Keys natsKeysCmd `cmd:"" help:"Make the missing nkeys: a seed (0600) and a public key for each identity."`
}

func (natsCmd) Help() string { return "Example:\n\n  doorward nats keys --dir /etc/doorward/nats" }

type natsKeysCmd struct {
	Dir string `default:".doorward/nats" help:"Directory of <name>.nk and <name>.pub."`
}

func (natsKeysCmd) Help() string {
	return `Never replaces a seed. The public keys go to the NATS server's environment as deploy/nats.conf says. Example:

  doorward nats keys --dir /etc/doorward/nats`
}

func (c *natsKeysCmd) Run(s streams) error {
	identities, err := bus.CreateIdentities(c.Dir)
	if err != nil {
		return err
	}
	for _, identity := range identities {
		fmt.Fprintf(s.out, "%s=%s\n", bus.KeyVariable(identity.Name), identity.Public)
	}
	return nil
}

type streamsCmd struct {
	Apply streamsApplyCmd `cmd:"" help:"Create the missing streams and bring the others up to date."`
}

func (streamsCmd) Help() string {
	return "Example:\n\n  doorward streams apply --url nats://nats.internal:4222"
}

type streamsApplyCmd struct {
	URL      string        `default:"nats://127.0.0.1:7407" help:"The NATS server."`
	Seed     string        `default:".doorward/nats/operator.nk" help:"The operator's seed."`
	CA       string        `name:"ca" help:"PEM file of the CA of the server's certificate; without it the connection has no TLS, as to an embedded server."`
	Replicas int           `default:"1" help:"Copies of each stream: 3 on a cluster."`
	Wait     time.Duration `default:"30s" help:"How long to wait for the server."`
}

func (streamsApplyCmd) Help() string {
	return `Services only check their streams and say so when one is missing. Safe to run again. Example:

  doorward streams apply --url nats://nats.internal:4222 --seed /etc/doorward/nats/operator.nk --replicas 3`
}

func (c *streamsApplyCmd) Run(ctx context.Context, s streams) error {
	identity, err := bus.ReadIdentity(c.Seed, bus.Operator)
	if err != nil {
		return err
	}
	logger, err := s.logger(slog.LevelWarn)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	transport, err := bus.Transport(c.CA)
	if err != nil {
		return err
	}
	conn, err := awaitBus(ctx, bus.Config{URL: c.URL, Identity: identity, TLS: transport, Logger: logger})
	if err != nil {
		return err
	}
	defer conn.Close()
	err = bus.Apply(ctx, conn.JetStream(), c.Replicas)
	if errors.Is(err, context.DeadlineExceeded) && conn.Connected() {
		// NATS doesn't answer what an identity may not ask.
		return fmt.Errorf("%w\nthe server is there and doesn't let this identity declare streams: is %s the operator's seed?", err, c.Seed)
	}
	if err != nil {
		return err
	}
	for _, stream := range bus.Streams() {
		fmt.Fprintf(s.out, "%s is declared\n", stream.Name)
	}
	return nil
}

// awaitBus connects as soon as the server is there.
func awaitBus(ctx context.Context, cfg bus.Config) (*bus.Conn, error) {
	const askAgain = 250 * time.Millisecond
	ticker := time.NewTicker(askAgain)
	defer ticker.Stop()
	for {
		conn, err := bus.Connect(ctx, cfg)
		if err == nil || !bus.Unreachable(err) {
			return conn, err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}

// logger writes for a terminal.
func (s streams) logger(level slog.Level) (*slog.Logger, error) {
	return telemetry.NewLogger(telemetry.LogConfig{Writer: s.err, Format: telemetry.Text, Level: level})
}
