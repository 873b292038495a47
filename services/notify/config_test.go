package notify_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/config"
	"github.com/doorward/doorward/services/notify"
)

func TestDefaultsAreValid(t *testing.T) {
	if faults := notify.DefaultConfig().Validate(); len(faults) > 0 {
		t.Error(faults)
	}
}

func TestEveryFaultIsReportedAtOnce(t *testing.T) {
	var keys []string
	for _, f := range (notify.Config{}).Validate() {
		keys = append(keys, f.Key)
		if f.Problem == "" {
			t.Errorf("%s: no word on what is wrong", f.Key)
		}
	}
	want := []string{"listen", "data_dir", "certs", "authn", "seal_keys", "portal_url", "product", "nats.url", "nats.seed", "smtp.timeout", "smtp.address", "smtp.from"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestUnsafeSettingsAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*notify.Config)
		key   string
	}{
		"links over http":             {func(c *notify.Config) { c.PortalURL = "http://id.example.com" }, "portal_url"},
		"a portal below a path":       {func(c *notify.Config) { c.PortalURL = "https://example.com/id" }, "portal_url"},
		"NATS elsewhere without TLS":  {func(c *notify.Config) { c.NATS.URL = "nats://nats.example.com:4222" }, "nats.ca"},
		"one NATS of two elsewhere":   {func(c *notify.Config) { c.NATS.URL = "nats://127.0.0.1:7407,nats://10.0.0.1:7407" }, "nats.ca"},
		"mail elsewhere without TLS":  {func(c *notify.Config) { c.SMTP.Address = "smtp.example.com:25" }, "smtp.tls"},
		"a password without TLS":      {func(c *notify.Config) { c.SMTP.Username, c.SMTP.PasswordFile = "u", "f" }, "smtp.username"},
		"a mail that outlasts a stop": {func(c *notify.Config) { c.SMTP.Timeout *= 2 }, "smtp.timeout"},
	} {
		cfg := notify.DefaultConfig()
		test.spoil(&cfg)
		faults := cfg.Validate()
		if len(faults) != 1 || faults[0].Key != test.key {
			t.Errorf("%s: %v, want a fault of %s", name, faults, test.key)
		}
	}
}

func TestTheConfigLoads(t *testing.T) {
	loaded, err := config.Load(config.Options[notify.Config]{
		Defaults: notify.DefaultConfig(),
		Flags:    map[string]string{"smtp.tls": "starttls", "smtp.address": "smtp.example.com:587", "nats.ca": "ca.pem", "portal_url": "https://id.example.com/"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := loaded.Print(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "smtp.example.com:587") {
		t.Errorf("printed:\n%s", out.String())
	}
}
