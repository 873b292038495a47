package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/cmd/doorward/internal/production"
	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/config"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/internal/telemetry/otlp"
	"github.com/doorward/doorward/services/authn"
	"github.com/doorward/doorward/services/notify"
	"github.com/doorward/doorward/services/portal"
	"github.com/doorward/doorward/services/risk"
)

// source is where a service's configuration comes from: defaults, then the file, then DOORWARD_<SERVICE>_… in the environment, then --set.
type source struct {
	Config string            `type:"existingfile" placeholder:"FILE" help:"YAML file. Keys are those that doorward config prints."`
	Set    map[string]string `placeholder:"KEY=VALUE" help:"Set one key; may be repeated."`
}

// load reads the configuration of a service.
func load[T any](src source, service string, defaults T, s streams) (*config.Loaded[T], error) {
	loaded, err := config.Load(config.Options[T]{
		Defaults:  defaults,
		File:      src.Config,
		Env:       withoutAddresses(s.env),
		EnvPrefix: "DOORWARD_" + strings.ToUpper(service) + "_",
		Flags:     maps.Clone(src.Set),
	})
	if err != nil {
		return nil, fmt.Errorf("configuration of %s: %w", service, err)
	}
	return loaded, nil
}

// withoutAddresses leaves out what an operator's environment says of where services are: DOORWARD_RISK_ADDRESS looks like a setting of risk's
// and isn't one.
func withoutAddresses(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(slices.Collect(maps.Values(addressVariables)), name)
	})
}

// logging is how a process that serves writes its log.
type logging struct {
	LogText bool       `help:"Log as text, for people, instead of JSON."`
	Level   slog.Level `name:"log-level" default:"INFO" help:"debug, info, warn or error."`
}

func (l logging) logger(s streams) (*slog.Logger, error) {
	format := telemetry.JSON
	if l.LogText {
		format = telemetry.Text
	}
	return telemetry.NewLogger(telemetry.LogConfig{Writer: s.err, Format: format, Level: l.Level})
}

// process is what a service that runs alone shows of itself beside its own listener.
type process struct {
	Debug string `placeholder:"HOST:PORT" help:"Serve /metrics, /healthz and /debug/pprof here, on loopback."`
	logging
}

// runnable is a service.
type runnable interface {
	Run(context.Context) error
}

// serve runs one service with the process around it. Building it takes the logger and the registry that the process shows.
func (p process) serve(ctx context.Context, s streams, name string, build func(*slog.Logger, prometheus.Registerer, telemetry.Tracing) (runnable, error)) error {
	logger, err := p.logger(s)
	if err != nil {
		return err
	}
	logger = logger.With(slog.String("service", name))
	registry := telemetry.NewRegistry()
	traces, err := otlp.FromEnvironment(ctx, otlp.Config{Environ: s.env, Version: telemetry.ReadBuild().Version, Logger: logger, Registerer: registry})
	if err != nil {
		return err
	}
	service, err := build(logger, registry, traces.For(name))
	if err != nil {
		return tellPort(err, "listen")
	}
	debug, err := debugTasks(ctx, telemetry.DebugConfig{Address: p.Debug, Gatherer: registry, Healthy: healthyOf(service), Logger: logger})
	if err != nil {
		return tellPort(err, "--debug")
	}
	tasks := append([]app.Task{{Name: "traces", Run: traces.Run}, {Name: name, Run: service.Run}}, debug...)
	return app.Run(ctx, logger, tasks...)
}

// debugTasks opens the debug listener, where there is an address for it.
func debugTasks(ctx context.Context, cfg telemetry.DebugConfig) ([]app.Task, error) {
	if cfg.Address == "" {
		return nil, nil
	}
	debug, err := telemetry.NewDebug(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return []app.Task{{Name: "debug", Run: debug.Run}}, nil
}

// tellPort adds to a taken port what chooses another: a key of the configuration, or a flag.
func tellPort(err error, chosenBy string) error {
	var taken *app.PortTakenError
	if !errors.As(err, &taken) {
		return err
	}
	return fmt.Errorf("%w; stop who has it, or choose another: %s", err, chosenBy)
}

// healthyOf asks a service that can tell; one that can't is healthy while it runs.
func healthyOf(service runnable) func(context.Context) error {
	if teller, ok := service.(interface{ Healthy(context.Context) error }); ok {
		return teller.Healthy
	}
	return func(context.Context) error { return nil }
}

type authnCmd struct {
	Serve     authnRunCmd       `cmd:"" name:"run" default:"withargs" help:"Run authn (the default)."`
	Bootstrap authnBootstrapCmd `cmd:"" help:"Make a new deployment's key file and first API keys, once, on its files."`
}

func (authnCmd) Help() string {
	return "More flags, such as --config and --set:\n\n  doorward authn run --help\n\nExample:\n\n  doorward authn --config /etc/doorward/authn.yaml"
}

type authnRunCmd struct {
	source
	process
}

func (authnRunCmd) Help() string {
	return "Example:\n\n  doorward authn --config /etc/doorward/authn.yaml --set listen=0.0.0.0:7401"
}

func (c *authnRunCmd) Run(ctx context.Context, s streams) error {
	loaded, err := load(c.source, "authn", authn.DefaultConfig(), s)
	if err != nil {
		return err
	}
	authn.PrepareProcess(loaded.Value)
	return c.serve(ctx, s, "authn", func(logger *slog.Logger, registerer prometheus.Registerer, tracing telemetry.Tracing) (runnable, error) {
		return authn.New(ctx, loaded.Value, authn.Deps{Logger: logger, Registerer: registerer, Now: time.Now, Tracing: tracing})
	})
}

type authnBootstrapCmd struct {
	source
	Audience string `required:"" help:"The aud of the session tokens of the first application's users."`
}

func (authnBootstrapCmd) Help() string {
	return `authn must not be running. Prints two API keys as environment variables, this one time: put them where the application and the operators read them. Example:

  doorward authn bootstrap --config /etc/doorward/authn.yaml --audience shop`
}

func (c *authnBootstrapCmd) Run(ctx context.Context, s streams) error {
	loaded, err := load(c.source, "authn", authn.DefaultConfig(), s)
	if err != nil {
		return err
	}
	first, err := authn.Bootstrap(ctx, loaded.Value, c.Audience)
	if errors.Is(err, authn.ErrBootstrapped) {
		return fmt.Errorf("%w; nothing was changed", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "# application %s, audience %s: may speak for users\nDOORWARD_API_KEY=%s\n# operators: doorward sessions reads this one as DOORWARD_API_KEY\nDOORWARD_OPERATOR_API_KEY=%s\n",
		first.ApplicationID, first.Audience, first.ApplicationKey.Reveal(), first.OperatorKey.Reveal())
	return nil
}

type riskCmd struct {
	source
	process
}

func (riskCmd) Help() string { return "Example:\n\n  doorward risk --config /etc/doorward/risk.yaml" }

func (c *riskCmd) Run(ctx context.Context, s streams) error {
	loaded, err := load(c.source, "risk", risk.DefaultConfig(), s)
	if err != nil {
		return err
	}
	return c.serve(ctx, s, "risk", func(logger *slog.Logger, registerer prometheus.Registerer, tracing telemetry.Tracing) (runnable, error) {
		return risk.New(ctx, loaded.Value, risk.Deps{Logger: logger, Registerer: registerer, Now: time.Now, Tracing: tracing})
	})
}

type notifyCmd struct {
	source
	process
}

func (notifyCmd) Help() string {
	return "Example:\n\n  doorward notify --config /etc/doorward/notify.yaml"
}

func (c *notifyCmd) Run(ctx context.Context, s streams) error {
	loaded, err := load(c.source, "notify", notify.DefaultConfig(), s)
	if err != nil {
		return err
	}
	return c.serve(ctx, s, "notify", func(logger *slog.Logger, registerer prometheus.Registerer, tracing telemetry.Tracing) (runnable, error) {
		return notify.New(ctx, loaded.Value, notify.Deps{Logger: logger, Registerer: registerer, Now: time.Now, Tracing: tracing})
	})
}

type portalCmd struct {
	source
	process
}

func (portalCmd) Help() string {
	return "Example:\n\n  doorward portal --config /etc/doorward/portal.yaml"
}

func (c *portalCmd) Run(ctx context.Context, s streams) error {
	loaded, err := load(c.source, "portal", portal.DefaultConfig(), s)
	if err != nil {
		return err
	}
	return c.serve(ctx, s, "portal", func(logger *slog.Logger, registerer prometheus.Registerer, tracing telemetry.Tracing) (runnable, error) {
		return portal.New(ctx, loaded.Value, portal.Deps{Logger: logger, Registerer: registerer, Now: time.Now, Tracing: tracing})
	})
}

type configCmd struct {
	source
	Service string `arg:"" enum:"serve,authn,risk,notify,portal" help:"serve, authn, risk, notify or portal."`
}

func (configCmd) Help() string {
	return "Shows what the service would start with, all faults at once if it wouldn't. Example:\n\n  doorward config authn --config /etc/doorward/authn.yaml"
}

func (c *configCmd) Run(s streams) error {
	switch c.Service {
	case "serve":
		return printConfig(c.source, c.Service, production.DefaultConfig(), s)
	case "authn":
		return printConfig(c.source, c.Service, authn.DefaultConfig(), s)
	case "risk":
		return printConfig(c.source, c.Service, risk.DefaultConfig(), s)
	case "notify":
		return printConfig(c.source, c.Service, notify.DefaultConfig(), s)
	default:
		return printConfig(c.source, c.Service, portal.DefaultConfig(), s)
	}
}

func printConfig[T any](src source, service string, defaults T, s streams) error {
	loaded, err := load(src, service, defaults, s)
	if err != nil {
		return err
	}
	return loaded.Print(s.out)
}
