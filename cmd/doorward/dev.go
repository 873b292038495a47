package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/doorward/doorward/cmd/doorward/internal/development"
	"github.com/doorward/doorward/cmd/doorward/internal/suite"
	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/internal/telemetry/otlp"
	"github.com/doorward/doorward/services/authn"
)

type devCmd struct {
	Dir      string `default:".doorward" help:"Where everything is kept. Delete it to begin anew."`
	PortBase int    `default:"7400" help:"Ports are counted from here: authn +1, risk +2, notify +3, portal +4, inbox +5 and +6, NATS +7. 0 takes any that are free."`
	Debug    string `placeholder:"HOST:PORT" help:"Serve /metrics, /healthz and /debug here, on loopback."`
	Verbose  bool   `short:"v" help:"Log more than what deserves a look."`
}

func (devCmd) Help() string {
	return `Nothing else is needed: certificates, keys and the first API keys are made on the first start and kept. Stop it with Ctrl-C; start it again as often as
you like. For development alone: mails go to the inbox, and its certificates are marked so that production refuses them. Example:

  doorward dev --port-base 7500`
}

func (c *devCmd) Run(ctx context.Context, s streams) error {
	began := time.Now()
	level := slog.LevelWarn
	if c.Verbose {
		level = slog.LevelInfo
	}
	logger, err := s.logger(level)
	if err != nil {
		return err
	}
	// Somebody who finds this in the log of a machine that serves people should stop reading here.
	logger.LogAttrs(ctx, slog.LevelWarn, "doorward dev: development only", slog.String("version", version()),
		slog.String("dir", c.Dir), slog.Int("port_base", c.PortBase))
	registry := telemetry.NewRegistry()
	traces, err := otlp.FromEnvironment(ctx, otlp.Config{Environ: s.env, Version: telemetry.ReadBuild().Version, Logger: logger, Registerer: registry})
	if err != nil {
		return err
	}
	authn.PrepareProcess(authn.DefaultConfig())
	all, err := development.New(ctx, development.Config{
		Dir: c.Dir, Ports: development.Ports{Base: c.PortBase},
		Process: suite.Process{Logger: logger, Registerer: registry, Now: time.Now, Traces: traces},
	})
	if err != nil {
		return err
	}
	tasks, err := debugTasks(ctx, telemetry.DebugConfig{Address: c.Debug, Gatherer: registry, Healthy: all.AwaitServing, Logger: logger})
	if err != nil {
		all.Close()
		return tellPort(err, "--debug")
	}
	tasks = append(tasks, app.Task{Name: "suite", Run: all.Run})
	running := make(chan error, 1)
	go func() { running <- app.Run(ctx, logger, tasks...) }() // ends with ctx; its answer is awaited below
	if err := all.AwaitServing(ctx); err != nil {
		return firstOf(running, err)
	}
	c.greet(s, all, time.Since(began))
	return <-running
}

// firstOf prefers the reason why the suite stopped, if it has, to that of who waited for it.
func firstOf(running <-chan error, otherwise error) error {
	select {
	case err := <-running:
		if err != nil {
			return err
		}
	default:
	}
	return otherwise
}

func (c *devCmd) greet(s streams, all *development.Suite, took time.Duration) {
	fmt.Fprintf(s.out, "doorward dev: ready in %s, for development only\n\n", took.Round(time.Millisecond))
	for _, line := range all.Addresses() {
		fmt.Fprintf(s.out, "  %-8s %s\n", line.Name, line.Address)
	}
	fmt.Fprintf(s.out, `
Next, in another terminal:

  . %s/dev.env
  go run ./examples/notes serve

Operators: . %s/operator.env; go run ./cmd/doorward sessions list --email …
`, c.Dir, c.Dir)
}
