package verify_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doorward/doorward/sdk/internal/authntest"
	"github.com/doorward/doorward/sdk/verify"
)

func TestConfigReportsAllFaultsAtOnce(t *testing.T) {
	_, err := verify.New(t.Context(), verify.Config{MaxFeedAge: -1, MaxStreamAge: 2 * time.Hour, CacheSize: -1, OnStale: 7})
	if err == nil || strings.Count(err.Error(), "\n") != 7 {
		t.Errorf("want eight faults: %v", err)
	}
}

func TestEnvironmentReportsAllThatIsMissing(t *testing.T) {
	names := []string{
		"DOORWARD_ADDRESS", "DOORWARD_API_KEY", "DOORWARD_ISSUER", "DOORWARD_AUDIENCE", "DOORWARD_NATS_URL", "DOORWARD_NATS_SEED",
	}
	for _, name := range names {
		t.Setenv(name, "")
	}
	_, err := verify.FromEnv(t.Context())
	if want := "no " + strings.Join(names, ", no ") + ": run . .doorward/dev.env"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestSeedIsReadAtTheStart(t *testing.T) {
	seed := filepath.Join(t.TempDir(), "sdk.nk")
	if err := os.WriteFile(seed, []byte("not a seed"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", seed, seed + ".missing"} {
		_, err := verify.NATS(verify.NATSConfig{URL: "nats://127.0.0.1:1", SeedFile: path})
		if err == nil || strings.Contains(err.Error(), "not a seed") {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestVerifierOfAnotherIssuerDoesNotStart(t *testing.T) {
	authority := authntest.NewAuthority("https://another.example", audience, time.Now)
	_, err := verify.New(t.Context(), verify.Config{
		Issuer: issuer, Audience: audience,
		Authn:       authntest.Connect(t, authority.Register),
		Revocations: authntest.NewFeed(time.Now),
	})
	if err == nil || !strings.Contains(err.Error(), "DOORWARD_ISSUER") {
		t.Errorf("%v", err)
	}
}

func TestVerifierWithoutKeysDoesNotStart(t *testing.T) {
	authority := authntest.NewAuthority(issuer, audience, time.Now)
	authority.FailKeys(status.Error(codes.Internal, "broken"))
	_, err := verify.New(t.Context(), verify.Config{
		Issuer: issuer, Audience: audience,
		Authn:       authntest.Connect(t, authority.Register),
		Revocations: authntest.NewFeed(time.Now),
	})
	if err == nil {
		t.Error("it started")
	}
}

// A feed that isn't there at the start is a stale one, and no reason not to start.
func TestVerifierWithoutFeedStartsStale(t *testing.T) {
	authority := authntest.NewAuthority(issuer, audience, time.Now)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	verifier, err := verify.New(ctx, verify.Config{
		Issuer: issuer, Audience: audience,
		Authn:       authntest.Connect(t, authority.Register),
		Revocations: authntest.NewFeed(time.Now),
		MaxFeedAge:  10 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if stats := verifier.Stats(); stats.FeedFresh {
		t.Errorf("%+v", stats)
	}
	if _, err := verifier.Verify(ctx, authority.Sign(authority.Claims("usr_1", "ses_1"), nil)); err != nil {
		t.Error(err)
	}
	if _, asks := authority.Calls(); asks != 1 {
		t.Errorf("authn was asked %d times, want 1", asks)
	}
	if err := verifier.Close(); err != nil {
		t.Error(err)
	}
}
