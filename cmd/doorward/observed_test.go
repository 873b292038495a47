package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/cmd/doorward/internal/development"
	"github.com/doorward/doorward/cmd/doorward/internal/story"
	"github.com/doorward/doorward/cmd/doorward/internal/suite"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/internal/telemetry/otlp"
)

// observed is a development suite of which everything is seen that it shows: its whole log, its metrics, and its spans as they leave.
type observed struct {
	*testing.T
	suite    *development.Suite
	dir      string
	logger   *slog.Logger
	log      screen
	registry *prometheus.Registry
	spans    *collector
	stop     func()
}

// observe runs one until stop, or until the test's end.
func observe(t *testing.T) *observed {
	t.Helper()
	o := &observed{T: t, dir: t.TempDir(), registry: telemetry.NewRegistry(), spans: startCollector(t)}
	logger, err := telemetry.NewLogger(telemetry.LogConfig{Writer: &o.log, Level: slog.LevelDebug})
	must(t, err)
	o.logger = logger
	traces, err := otlp.FromEnvironment(t.Context(), otlp.Config{
		Environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + o.spans.address}, Logger: logger, Registerer: o.registry,
	})
	must(t, err)
	o.suite, err = development.New(t.Context(), development.Config{
		Dir: o.dir, Process: suite.Process{Logger: logger, Registerer: o.registry, Now: time.Now, Traces: traces},
	})
	must(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- o.suite.Run(ctx) }()
	o.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the suite ended with %v", err)
		}
	})
	t.Cleanup(o.stop)
	must(t, o.suite.AwaitServing(t.Context()))
	return o
}

// world connects to it as the demo does.
func (o *observed) world() story.World {
	o.Helper()
	var complaints screen
	w, closeAll, err := openWorld(o.Context(), streams{out: &complaints, err: &complaints}, o.suite.AppEnv())
	must(o.T, err)
	o.Cleanup(func() {
		if err := closeAll(); err != nil {
			o.Error(err)
		}
	})
	w.Report = func(story.Step) {}
	return w
}
