package rpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
)

// Whoever calls without credentials, or more often than they may, must not fill the disk with lines about it.
func TestFailuresThatCostTheirCallerNothingShareALine(t *testing.T) {
	var clock atomic.Int64
	var deliver error
	s := newSuite(t, &handlers{do: func(context.Context, *request) error { return deliver }}, func(c *rpc.ServerConfig) {
		c.TLS.ClientAuth = tls.VerifyClientCertIfGiven
		c.Now = func() time.Time { return time.Unix(1_800_000_000, clock.Load()) }
		c.Table[methodPublic] = access.Rule{Callers: access.Public, Limit: access.PerSecond(1), Priority: access.Vital}
	})
	stranger := s.dial(t, "authn", func(c *rpc.ClientConfig) { c.TLS.GetClientCertificate = nil })
	const calls = 200
	provoke := func() {
		for range calls {
			_ = call(t.Context(), stranger, methodDo, valid())     // CERTIFICATE_MISSING
			_ = call(t.Context(), stranger, methodPublic, valid()) // RATE_LIMITED, but for the first
			_ = call(t.Context(), stranger, methodPublic, &request{})
		}
	}
	provoke()
	clock.Store(int64(2 * time.Second))
	provoke()

	known := s.dial(t, "authn", nil)
	deliver = fault.New(fault.NotFound, typev1.Reason_REASON_NOT_FOUND, "No such thing.")
	for range calls {
		_ = call(t.Context(), known, methodDo, valid())
	}
	s.stop()
	log := s.log.String()
	for reason, most := range map[string]int{"CERTIFICATE_MISSING": 2, "RATE_LIMITED": 2} {
		if got := strings.Count(log, `"reason":"REASON_`+reason+`"`); got < 1 || got > most {
			t.Errorf("%s has %d lines, want one a second", reason, got)
		}
	}
	if told := `"times":` + strconv.Itoa(calls); !strings.Contains(log, told) {
		t.Errorf("no line says how often it happened, %s: %s", told, log)
	}
	if got := strings.Count(log, `"reason":"REASON_NOT_FOUND"`); got != calls {
		t.Errorf("%d of %d mistakes of a known caller are in the log", got, calls)
	}
}

// What failed on our side is told with its request id each time, whoever called.
func TestOurOwnFaultsHaveALineEach(t *testing.T) {
	s := newSuite(t, &handlers{do: func(context.Context, *request) error { return errors.New(planted) }}, func(c *rpc.ServerConfig) {
		c.TLS.ClientAuth = tls.VerifyClientCertIfGiven
	})
	stranger := s.dial(t, "authn", func(c *rpc.ClientConfig) { c.TLS.GetClientCertificate = nil })
	const calls = 20
	for i := range calls {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "x-request-id", "request-"+strconv.Itoa(i))
		_ = call(ctx, stranger, methodPublic, valid())
	}
	s.stop()
	for i := range calls {
		if !strings.Contains(s.log.String(), `"request_id":"request-`+strconv.Itoa(i)+`"`) {
			t.Errorf("the log lacks the fault of request %d", i)
		}
	}
}

// Each sign-up is asked for a challenge by default: a line for each would be one for each that is as it should be.
func TestAChallengeIsNoFailure(t *testing.T) {
	s := newSuite(t, &handlers{do: func(context.Context, *request) error {
		return fault.New(fault.Exhausted, typev1.Reason_REASON_CHALLENGE_REQUIRED, "Solve it.")
	}}, nil)
	_ = call(t.Context(), s.dial(t, "authn", nil), methodDo, valid())
	s.stop()
	if log := s.log.String(); strings.Contains(log, "CHALLENGE_REQUIRED") {
		t.Errorf("a challenge is in the log: %s", log)
	}
}
