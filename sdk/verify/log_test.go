package verify_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doorward/doorward/sdk/verify"
)

// text is a log that a test reads.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *text) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestLogTellsTheCauseAndNeverTheToken(t *testing.T) {
	log := new(text)
	w := newWorld(t, func(c *verify.Config) {
		c.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	client := guarded(t, w, func(context.Context) {})
	claims := w.Claims("usr_1", "ses_secret")
	claims["aud"] = "billing"
	tokens := []string{
		w.Sign(claims, nil),
		w.Sign(claims, map[string]any{"typ": "JWT"}),
		"not-a-token",
		raw(`{"alg":"secret-alg"}`, `{}`, "x"),
		raw(`secret-header`, `{}`, "x"),
	}
	for _, token := range tokens {
		if _, err := client.Check(bearer(t, "Bearer "+token), &healthv1.HealthCheckRequest{}); err == nil {
			t.Error("let in")
		}
	}
	got := log.String()
	for _, want := range []string{"another audience", "not a session token", "malformed", "/grpc.health.v1.Health/Check", "REASON_SESSION_TOKEN_INVALID"} {
		if !strings.Contains(got, want) {
			t.Errorf("the log lacks %q: %s", want, got)
		}
	}
	for _, token := range tokens {
		if strings.Contains(got, token) || strings.Contains(got, "secret") {
			t.Errorf("the log has a token or what it says: %s", got)
		}
	}
}
