package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/cmd/doorward/internal/production"
	"github.com/doorward/doorward/cmd/doorward/internal/suite"
	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/internal/telemetry/otlp"
	"github.com/doorward/doorward/services/authn"
)

type serveCmd struct {
	source
	logging
}

func (serveCmd) Help() string {
	return `For one machine: authn, risk, notify, the portal and an embedded NATS server, which has every message on the disk before it acknowledges it. It makes no keys
and no certificates: doorward init does, before the first start. It refuses whatever doorward dev made. docs/running.md leads from nothing to here;
doorward config serve prints all keys. Example:

  doorward serve --config /etc/doorward/doorward.yaml`
}

func (c *serveCmd) Run(ctx context.Context, s streams) error {
	loaded, err := load(c.source, "serve", production.DefaultConfig(), s)
	if err != nil {
		return err
	}
	cfg := loaded.Value
	logger, err := c.logger(s)
	if err != nil {
		return err
	}
	logger.LogAttrs(ctx, slog.LevelInfo, "doorward serve: production", slog.String("version", version()), slog.String("dir", cfg.Dir),
		slog.String("issuer", cfg.Issuer), slog.String("authn", cfg.Authn.Listen), slog.String("portal", cfg.Portal.Listen),
		slog.String("portal_url", cfg.Portal.URL), slog.String("nats", cfg.NATS.Address()))
	warnOfIssuer(ctx, cfg, logger)
	registry := telemetry.NewRegistry()
	traces, err := otlp.FromEnvironment(ctx, otlp.Config{Environ: s.env, Version: version(), Logger: logger, Registerer: registry})
	if err != nil {
		return err
	}
	authn.PrepareProcess(authn.Config{HashWorkers: cfg.Authn.HashWorkers})
	all, err := production.New(ctx, cfg, suite.Process{Logger: logger, Registerer: registry, Now: time.Now, Traces: traces})
	if err != nil {
		return err
	}
	debug, err := debugTasks(ctx, telemetry.DebugConfig{Address: cfg.Debug, Gatherer: registry, Healthy: all.AwaitServing, Logger: logger})
	if err != nil {
		all.Close()
		return tellPort(err, "debug")
	}
	return app.Run(ctx, logger, append(all.Tasks(), debug...)...)
}

// warnOfIssuer finds that applications were told of another issuer. What they were told stands in an env file that needn't be here.
func warnOfIssuer(ctx context.Context, cfg production.Config, logger *slog.Logger) {
	file := deployment.Layout{Dir: cfg.Dir}.AppEnv()
	env, err := deployment.ReadEnv(file)
	if err != nil {
		logger.LogAttrs(ctx, slog.LevelWarn, "can't see which issuer applications are told of", slog.Any("error", err))
	}
	if told := env.Get("DOORWARD_ISSUER"); told != "" && told != cfg.Issuer {
		logger.LogAttrs(ctx, slog.LevelWarn, "applications are told of another issuer, and refuse the tokens of this one: correct one of the two",
			slog.String("file", file), slog.String("told", told), slog.String("issuer", cfg.Issuer))
	}
}
