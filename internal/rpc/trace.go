package rpc

import (
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric/noop"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/stats"

	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/telemetry"
)

// traceServed makes a span of each call that the table knows, beneath the caller's.
// A method's name is the span's, and a stranger may ask for one of any name. Health
// checks come each second and tell nothing.
func traceServed(t telemetry.Tracing, table access.Table) stats.Handler {
	return otelgrpc.NewServerHandler(append(tracingOf(t), otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool {
		_, known := table[info.FullMethodName]
		return known && info.FullMethodName != healthpb.Health_Check_FullMethodName
	}))...)
}

// traceCalls makes a span of each call that goes out.
func traceCalls(t telemetry.Tracing) stats.Handler {
	return otelgrpc.NewClientHandler(tracingOf(t)...)
}

// tracingOf leaves no part to OpenTelemetry's globals. Metrics are Prometheus's.
func tracingOf(t telemetry.Tracing) []otelgrpc.Option {
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(t.Provider()),
		otelgrpc.WithPropagators(telemetry.Propagator()),
		otelgrpc.WithMeterProvider(noop.NewMeterProvider()),
	}
}
