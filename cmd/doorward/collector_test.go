package main

import (
	"context"
	"encoding/hex"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// collector is an OpenTelemetry collector that keeps what it is sent.
type collector struct {
	collectorpb.UnimplementedTraceServiceServer
	address string

	mu    sync.Mutex
	spans []span
}

// span is one that came, and whose it is.
type span struct {
	*tracepb.Span
	service string
}

// startCollector serves until the test's end. The environment that points at it is the process's from then on.
func startCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	server := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, c)
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	c.address = "http://" + l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		must(t, <-served)
	})
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.address)
	return c
}

// Export takes spans in.
func (c *collector) Export(_ context.Context, r *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range r.GetResourceSpans() {
		service := ""
		for _, a := range resource.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, span{s, service})
			}
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// edges are the spans of one trace, each as "service name < parent's service and name", once.
func (c *collector) edges(traceID string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	byID := map[string]span{}
	for _, s := range c.spans {
		byID[hex.EncodeToString(s.GetSpanId())] = s
	}
	var out []string
	for _, s := range c.spans {
		if hex.EncodeToString(s.GetTraceId()) != traceID {
			continue
		}
		edge := s.label()
		if parent, ok := byID[hex.EncodeToString(s.GetParentSpanId())]; ok {
			edge += " < " + parent.label()
		}
		out = append(out, edge)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (s span) label() string {
	return strings.TrimPrefix(s.service, "doorward-") + " " + s.GetName()
}

// traceOf finds the trace that has a span of this label.
func (c *collector) traceOf(label string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.label() == label {
			return hex.EncodeToString(s.GetTraceId())
		}
	}
	return ""
}

// text is all that came of our own services, as it was on the wire; words stand in it as they are.
func (c *collector) text(t *testing.T) string {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var text strings.Builder
	for _, s := range c.spans {
		if strings.HasPrefix(s.service, "doorward-") {
			wire, err := proto.Marshal(s.Span)
			must(t, err)
			text.Write(wire)
		}
	}
	return text.String()
}
