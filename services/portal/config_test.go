package portal_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/config"
	"github.com/doorward/doorward/services/portal"
)

func TestConfigFaultsAreToldAtOnce(t *testing.T) {
	tests := map[string]struct {
		change func(*portal.Config)
		want   []string // keys at fault
	}{
		"the default":                  {func(*portal.Config) {}, nil},
		"nothing at all":               {func(c *portal.Config) { *c = portal.Config{} }, []string{"certs", "listen", "notify", "url"}},
		"no port":                      {func(c *portal.Config) { c.Listen = "localhost" }, []string{"listen"}},
		"half of a certificate":        {func(c *portal.Config) { c.TLSCert = "x.pem" }, []string{"tls_key"}},
		"http beyond this machine":     {func(c *portal.Config) { c.URL = "http://id.example.com" }, []string{"url"}},
		"a path":                       {func(c *portal.Config) { c.URL = "https://id.example.com/portal" }, []string{"url"}},
		"a password":                   {func(c *portal.Config) { c.URL = "https://a:b@id.example.com" }, []string{"url"}},
		"no web address":               {func(c *portal.Config) { c.URL = "ftp://id.example.com" }, []string{"url"}},
		"https, on this machine":       {func(c *portal.Config) { c.URL = "https://id.example.com/" }, nil},
		"https, plain to all":          {func(c *portal.Config) { c.URL, c.Listen = "https://id.example.com", ":7404" }, []string{"trusted_proxies"}},
		"https, plain to a proxy":      {behindProxy, nil},
		"https, with a certificate":    {withCertificate, nil},
		"in a container, for a laptop": {func(c *portal.Config) { c.URL, c.Listen = "http://localhost:7404", ":7404" }, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := portal.DefaultConfig()
			test.change(&cfg)
			var got []string
			for _, f := range cfg.Validate() {
				got = append(got, f.Key)
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("keys at fault (-want +got):\n%s", diff)
			}
		})
	}
}

func behindProxy(c *portal.Config) {
	c.URL, c.Listen, c.TrustedProxies = "https://id.example.com", ":7404", trusted("10.0.0.0/8")
}

func withCertificate(c *portal.Config) {
	c.URL, c.Listen, c.TLSCert, c.TLSKey = "https://id.example.com", ":7404", "x.pem", "x.key"
}

func TestConfigIsReadFromAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "portal.yaml")
	text := "listen: 0.0.0.0:7404\nurl: https://id.example.com\nproduct: Notes\ntrusted_proxies: [10.0.0.0/8, 192.0.2.1/32]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := config.Load(config.Options[portal.Config]{File: file, Defaults: portal.DefaultConfig()})
	if err != nil {
		t.Fatal(err)
	}
	want := portal.DefaultConfig()
	want.Listen, want.URL, want.Product = "0.0.0.0:7404", "https://id.example.com", "Notes"
	want.TrustedProxies = trusted("10.0.0.0/8", "192.0.2.1/32")
	if diff := cmp.Diff(want, loaded.Value, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNewRefusesWhatItCantRunWith(t *testing.T) {
	dir := t.TempDir()
	if _, err := certs.Create(dir, []string{"portal"}, certs.Options{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	development := filepath.Join(dir, "development")
	if _, err := certs.Create(development, []string{"portal"}, certs.Options{Now: time.Now(), Development: true}); err != nil {
		t.Fatal(err)
	}
	deps := portal.Deps{Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Now: time.Now}
	good := portal.DefaultConfig()
	good.Listen, good.Certs = "127.0.0.1:0", dir
	tests := map[string]struct {
		change func(*portal.Config, *portal.Deps)
		want   string
	}{
		"bad config":       {func(c *portal.Config, _ *portal.Deps) { c.URL = "" }, "url"},
		"no logger":        {func(_ *portal.Config, d *portal.Deps) { d.Logger = nil }, "logger"},
		"no certificates":  {func(c *portal.Config, _ *portal.Deps) { c.Certs = t.TempDir() }, "doorward certs"},
		"a development CA": {func(c *portal.Config, _ *portal.Deps) { c.Certs = development }, "was made for development"},
		"no TLS files":     {func(c *portal.Config, _ *portal.Deps) { c.TLSCert, c.TLSKey = "no.pem", "no.key" }, "tls_cert"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg, d := good, deps
			d.Registerer = prometheus.NewRegistry()
			test.change(&cfg, &d)
			service, err := portal.New(t.Context(), cfg, d)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New = %v, want it to speak of %q", err, test.want)
			}
			if service != nil {
				_ = service.Close()
			}
		})
	}
}

func TestTakenPortIsNamed(t *testing.T) {
	s := start(t, nil)
	dir := t.TempDir()
	if _, err := certs.Create(dir, []string{"portal"}, certs.Options{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	cfg := portal.DefaultConfig()
	cfg.Listen, cfg.Certs = strings.TrimPrefix(s.url, "http://"), dir
	_, err := portal.New(t.Context(), cfg, portal.Deps{
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Now: time.Now,
	})
	if err == nil || !strings.Contains(err.Error(), " in use") {
		t.Errorf("New = %v", err)
	}
}

func TestBrowsersAreServedByTLSWhenGivenACertificate(t *testing.T) {
	dir := t.TempDir()
	// Any certificate does to show that TLS is spoken.
	if _, err := certs.Create(dir, []string{"web"}, certs.Options{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(cfg *portal.Config) {
		cfg.TLSCert, cfg.TLSKey = filepath.Join(dir, "web.pem"), filepath.Join(dir, "web.key")
	})
	s.url = strings.Replace(s.url, "http:", "https:", 1)
	if got := s.get(t, goodPath); got.status != http.StatusOK {
		t.Errorf("status %d", got.status)
	}
}

func TestOnlyNotifyIsBelieved(t *testing.T) {
	// A portal whose certificates are of another authority finds nobody that it believes.
	other := t.TempDir()
	if _, err := certs.Create(other, []string{"portal"}, certs.Options{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(cfg *portal.Config) { cfg.Certs = other })
	if got := s.get(t, goodPath); got.status != http.StatusServiceUnavailable {
		t.Errorf("status %d", got.status)
	}
	if described, _ := s.notify.asked(); described != 0 {
		t.Error("a call went through")
	}
}

func TestRunEndsWhenAskedBeforeItBegan(t *testing.T) {
	dir := t.TempDir()
	if _, err := certs.Create(dir, []string{"portal"}, certs.Options{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	cfg := portal.DefaultConfig()
	cfg.Listen, cfg.Certs = "127.0.0.1:0", dir
	service, err := portal.New(t.Context(), cfg, portal.Deps{
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := service.Run(ctx); err != nil {
		t.Errorf("Run = %v", err)
	}
}
