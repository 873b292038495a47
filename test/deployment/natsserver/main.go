// Command natsserver runs the suite's embedded NATS server in a process of its own, so that a test can kill it as it kills a service. It is for
// tests: a deployment with a NATS server of its own runs the public one with deploy/nats.conf.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"time"

	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/bus"
)

func main() {
	ctx, stop := app.SignalContext(context.Background())
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	err := run(ctx, os.Args[1:], logger)
	stop()
	if err != nil {
		logger.LogAttrs(ctx, slog.LevelError, "natsserver failed", slog.Any("error", err))
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, logger *slog.Logger) error {
	flags := flag.NewFlagSet("natsserver", flag.ContinueOnError)
	keys := flags.String("keys", "", "directory of the nkeys")
	store := flags.String("store", "", "directory of the streams")
	port := flags.Int("port", 0, "port on loopback")
	sync := flags.Duration("sync", bus.DefaultSync, "how often files are synced")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return serve(ctx, logger, *keys, bus.ServerConfig{Dir: *store, Port: *port, SyncInterval: *sync, Logger: logger})
}

func serve(ctx context.Context, logger *slog.Logger, keys string, cfg bus.ServerConfig) error {
	for _, name := range bus.Names() {
		identity, err := bus.LoadIdentity(keys, name)
		if err != nil {
			return err
		}
		cfg.Identities = append(cfg.Identities, identity)
	}
	began := time.Now()
	server, err := bus.StartServer(cfg)
	if err != nil {
		return err
	}
	logger.LogAttrs(ctx, slog.LevelInfo, "serving", slog.String("url", server.URL()), slog.Duration("after", time.Since(began)))
	<-ctx.Done()
	server.Stop()
	return nil
}
