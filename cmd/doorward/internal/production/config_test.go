package production

import (
	"errors"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/doorward/doorward/cmd/doorward/internal/suite"
	"github.com/doorward/doorward/internal/config"
)

// good is as little as a deployment says of itself.
func good() Config {
	cfg := DefaultConfig()
	cfg.Dir, cfg.Issuer, cfg.Product = "d", "https://id.example.com", "Shop"
	cfg.Portal.URL = "https://id.example.com"
	cfg.SMTP.Address, cfg.SMTP.From = "smtp.example.com:587", "Shop <no-reply@example.com>"
	return cfg
}

func TestWhatNobodyCanGuessHasNoDefault(t *testing.T) {
	if faults := good().Validate(); len(faults) > 0 {
		t.Errorf("a deployment that says it all is refused: %v", faults)
	}
	_, err := config.Load(config.Options[Config]{Defaults: DefaultConfig()})
	want := []string{"dir", "issuer", "portal.url", "product", "smtp.address", "smtp.from"}
	if got := keysOf(t, err); !slices.Equal(got, want) {
		t.Errorf("faults of the defaults at %v, want %v", got, want)
	}
}

func TestFaultsAreToldAtTheKeysOfServe(t *testing.T) {
	tests := map[string]struct {
		spoil func(*Config)
		key   string
	}{
		"a name without TLS":              {func(c *Config) { c.Issuer = "http://127.0.0.1:7401" }, "issuer"},
		"a name with a path":              {func(c *Config) { c.Issuer += "/auth" }, "issuer"},
		"links to this machine":           {func(c *Config) { c.Portal.URL = "http://127.0.0.1:7404" }, "portal.url"},
		"links with a path":               {func(c *Config) { c.Portal.URL += "/portal" }, "portal.url"},
		"pages without TLS for everybody": {func(c *Config) { c.Portal.Listen = "0.0.0.0:7404" }, "portal.trusted_proxies"},
		"half a certificate":              {func(c *Config) { c.Portal.TLSCert = "cert.pem" }, "portal.tls_key"},
		"authn nowhere":                   {func(c *Config) { c.Authn.Listen = "7401" }, "authn.listen"},
		"risk nowhere":                    {func(c *Config) { c.Risk.Listen = "7402" }, "risk.listen"},
		"notify nowhere":                  {func(c *Config) { c.Notify.Listen = "7403" }, "notify.listen"},
		"NATS nowhere":                    {func(c *Config) { c.NATS.Listen = "7407" }, "nats.listen"},
		"a CA for no other NATS":          {func(c *Config) { c.NATS.CA = "ca.pem" }, "nats.ca"},
		"copies of the embedded NATS":     {func(c *Config) { c.NATS.Replicas = 3 }, "nats.replicas"},
		"another NATS without TLS":        {func(c *Config) { c.NATS.URL = "nats://nats.internal:4222" }, "nats.ca"},
		"no copy at another NATS":         {func(c *Config) { c.NATS.URL, c.NATS.Replicas = "nats://127.0.0.1:4222", 0 }, "nats.replicas"},
		"too many workers":                {func(c *Config) { c.Authn.HashWorkers = 5000 }, "authn.hash_workers"},
		"decisions for a moment":          {func(c *Config) { c.Risk.Decisions.KeepFor = 1 }, "risk.decisions.keep_for"},
		"mail readable on the way":        {func(c *Config) { c.SMTP.TLS = "none" }, "smtp.tls"},
		"mail without an end":             {func(c *Config) { c.SMTP.Timeout = 0 }, "smtp.timeout"},
		"profiles for everybody":          {func(c *Config) { c.Debug = "0.0.0.0:7408" }, "debug"},
		"nobody's accounts":               {func(c *Config) { c.Product = " " }, "product"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			test.spoil(&cfg)
			faults := cfg.Validate()
			if len(faults) != 1 || faults[0].Key != test.key {
				t.Errorf("Validate = %v, want one fault, at %s", faults, test.key)
			}
		})
	}
}

// What an operator can set of a service that runs alone is set here too and reaches it, but for what follows from the directory and from running in one
// process.
func TestEverySettingOfTheServicesIsHere(t *testing.T) {
	follows := []string{"certs", "data_dir", "keys_dir", "mail_key", "seal_keys", "development", "nats.url", "nats.seed", "nats.ca"}
	neighbours := []string{"authn.risk", "notify.authn", "portal.notify"}
	for _, service := range []struct {
		name string
		of   func(suite.Services) any
	}{
		{"authn", func(s suite.Services) any { return s.Authn }}, {"risk", func(s suite.Services) any { return s.Risk }},
		{"notify", func(s suite.Services) any { return s.Notify }}, {"portal", func(s suite.Services) any { return s.Portal }},
	} {
		for _, key := range settings(reflect.TypeOf(service.of(suite.Services{}))) {
			here := ours(service.name + "." + key)
			if slices.Contains(follows, key) || slices.Contains(neighbours, service.name+"."+key) {
				continue
			}
			cfg := good()
			mine, ok := setting(reflect.ValueOf(&cfg).Elem(), here)
			if !ok {
				t.Errorf("%s has %s, and serve has no %s", service.name, key, here)
				continue
			}
			change(mine)
			theirs, _ := setting(reflect.ValueOf(service.of(cfg.services(suite.Bus{}, ""))), key)
			if !reflect.DeepEqual(mine.Interface(), theirs.Interface()) {
				t.Errorf("%s = %v doesn't reach %s: its %s is %v", here, mine, service.name, key, theirs)
			}
		}
	}
}

// settings are the keys of a configuration.
func settings(of reflect.Type) (keys []string) {
	for i := range of.NumField() {
		field := of.Field(i)
		key := field.Tag.Get("koanf")
		if field.Type.Kind() != reflect.Struct {
			keys = append(keys, key)
			continue
		}
		for _, inner := range settings(field.Type) {
			keys = append(keys, key+"."+inner)
		}
	}
	return keys
}

// setting finds the field that has a key.
func setting(in reflect.Value, key string) (reflect.Value, bool) {
	first, rest, deeper := strings.Cut(key, ".")
	for i := range in.NumField() {
		switch field := in.Field(i); {
		case in.Type().Field(i).Tag.Get("koanf") != first:
		case deeper && field.Kind() == reflect.Struct:
			return setting(field, rest)
		case !deeper && field.Kind() != reflect.Struct:
			return field, true
		}
	}
	return reflect.Value{}, false
}

// change gives a field another value.
func change(field reflect.Value) {
	switch field.Kind() {
	case reflect.String:
		field.SetString("another " + field.String())
	case reflect.Bool:
		field.SetBool(!field.Bool())
	case reflect.Slice:
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
	default:
		field.SetInt(field.Int() + 1)
	}
}

// docs/running.md has a row for every key, `authn.limits.max_calls`, `.max_streams` and the like in one, with its default.
func TestDocumentationHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/running.md")
	must(t, err)
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+) \\| (.*?) ?\\| .*\\|$").FindAllStringSubmatch(string(text), -1) {
		var first string
		for i, quoted := range regexp.MustCompile("`[^`]+`").FindAllString(row[1], -1) {
			key := strings.Trim(quoted, "`")
			if i == 0 {
				first = key
			}
			if strings.HasPrefix(key, ".") {
				key = first[:strings.LastIndex(first, ".")] + key
			}
			documented[key] = strings.Trim(row[2], "`")
		}
	}
	loaded, err := config.Load(config.Options[Config]{Defaults: DefaultConfig(), Flags: map[string]string{
		"dir": "x", "issuer": "https://x", "product": "x", "portal.url": "https://x", "smtp.address": "x:25", "smtp.from": "x@example.com",
	}})
	must(t, err)
	for _, entry := range loaded.Entries() {
		want := entry.Value
		if entry.Source != "default" || want == `""` || want == "[]" {
			want = ""
		}
		if got, ok := documented[entry.Key]; !ok || got != want {
			t.Errorf("docs/running.md has %s with the default %q, %t; it is %q", entry.Key, got, ok, want)
		}
	}
}

func TestSampleConfigurationIsGood(t *testing.T) {
	if _, err := config.Load(config.Options[Config]{Defaults: DefaultConfig(), File: "../../../../deploy/doorward.yaml"}); err != nil {
		t.Error(err)
	}
}

func keysOf(t *testing.T, err error) (keys []string) {
	t.Helper()
	var faults config.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("err = %v, want faults", err)
	}
	for _, fault := range faults {
		keys = append(keys, fault.Key)
	}
	return keys
}
