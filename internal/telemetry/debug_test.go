package telemetry_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/doorward/doorward/internal/telemetry"
)

func debugConfig(address string) telemetry.DebugConfig {
	return telemetry.DebugConfig{
		Address:  address,
		Gatherer: telemetry.NewRegistry(),
		Healthy:  func(context.Context) error { return nil },
		Logger:   slog.New(slog.DiscardHandler),
	}
}

// serve runs a debug listener for the test and returns its base URL.
func serve(t *testing.T, cfg telemetry.DebugConfig) string {
	t.Helper()
	d, err := telemetry.NewDebug(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return "http://" + d.Addr().String()
}

func get(t *testing.T, url, host string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestDebugShowsMetricsHealthAndProfiles(t *testing.T) {
	base := serve(t, debugConfig("127.0.0.1:0"))
	for path, want := range map[string]string{
		"/metrics":                     "go_goroutines",
		"/healthz":                     "ok",
		"/debug/pprof/":                "heap",
		"/debug/pprof/goroutine?debug": "",
	} {
		code, body := get(t, base+path, "")
		if code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("GET %s = %d, %.80q; want 200 with %q", path, code, body, want)
		}
	}
}

func TestHealthFollowsTheProcessAndHidesTheCause(t *testing.T) {
	var down atomic.Bool
	cfg := debugConfig("127.0.0.1:0")
	cfg.Healthy = func(context.Context) error {
		if down.Load() {
			return errors.New(planted)
		}
		return nil
	}
	base := serve(t, cfg)
	if code, _ := get(t, base+"/healthz", ""); code != http.StatusOK {
		t.Errorf("healthy: %d", code)
	}
	down.Store(true)
	if code, body := get(t, base+"/healthz", ""); code != http.StatusServiceUnavailable || strings.Contains(body, planted) {
		t.Errorf("not healthy: %d, %q", code, body)
	}
}

func TestDebugRefusesAddressesOthersCanReach(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0", "7490", ""} {
		if _, err := telemetry.NewDebug(t.Context(), debugConfig(address)); !errors.Is(err, telemetry.ErrNotLoopback) {
			t.Errorf("%q: %v, want ErrNotLoopback", address, err)
		}
	}
}

func TestDebugRefusesForeignHosts(t *testing.T) {
	base := serve(t, debugConfig("127.0.0.1:0"))
	if code, _ := get(t, base+"/metrics", "rebound.example:80"); code != http.StatusForbidden {
		t.Errorf("a foreign Host got %d, want 403", code)
	}
}
