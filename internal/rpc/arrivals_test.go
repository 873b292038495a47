package rpc_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
)

// A request of which only the head ever comes costs the server as much as a call, and nobody has to be let in for it.
func TestRequestsThatNeverComeWholeAreBounded(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, func(c *rpc.ServerConfig) { c.Limits = rpc.Limits{MaxCalls: 4, MaxStreams: 4} })
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	for range 2 { // one connection has half of the places
		conn, err := s.connect(t, "127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			if _, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, methodDo); err != nil {
				t.Fatal(err)
			}
		}
	}
	var err error
	if !eventually(t, func() bool { _, err = s.connect(t, "127.0.0.2"); return err != nil }) {
		t.Fatal("a call is let in, though all places are taken by halves of requests")
	}
	if fault.ReasonOf(fault.FromStatus(err)) != typev1.Reason_REASON_OVERLOADED {
		t.Errorf("refused with %v", err)
	}
	if open := s.metric(t, "doorward_rpc_requests_open"); open < 16 {
		t.Errorf("%v requests are open by the metrics, want the halves of 16", open)
	}
	if refused := s.metric(t, "doorward_rpc_requests_refused_total"); refused == 0 {
		t.Error("no refusal was counted")
	}
	hangUp()
	if !eventually(t, func() bool { _, err = s.connect(t, "127.0.0.2"); return err == nil }) {
		t.Errorf("the places stay taken after their callers hung up: %v", err)
	}
}

// metric is the value of a counter or gauge that has one series.
func (s *suite) metric(t *testing.T, name string) float64 {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			only := family.GetMetric()[0]
			return only.GetCounter().GetValue() + only.GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

// eventually asks until the answer is yes, or for long enough.
func eventually(t *testing.T, holds func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
