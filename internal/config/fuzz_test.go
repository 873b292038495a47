package config_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/config"
)

// FuzzLoad reads a file of any content. It is refused with Faults that name what is wrong, or gives a configuration that keeps its rules, that
// is the same when it is read again, and that prints one line a key.
func FuzzLoad(f *testing.F) {
	f.Add("name: a\nsmtp: {port: 1}\n")
	f.Add("name: a\ndrain: 3s\ndebug: true\nrate: 0.5\norigins: [x, y]\nlimits: [1, 2]\nproxy: 10.0.0.0/8\nsmtp:\n  host: relay\n")
	f.Add("smtp: [1, {a: b}]\norigins: [[a], ~]\n")
	f.Add("a.b: 1\n? [x]\n: y\n")
	f.Add("<<: *x\n&x name: !!binary aGk=\ndrain: 2001-01-01\n")
	f.Add("name: \"a\\nname = b  (default)\"\n")
	path := filepath.Join(f.TempDir(), "doorward.yaml")
	f.Fuzz(func(t *testing.T, file string) {
		loaded, err := loadFile(t, path, file)
		if err != nil {
			var faults config.Faults
			if !errors.As(err, &faults) || len(faults) == 0 {
				t.Fatalf("err = %v, want Faults", err)
			}
			for _, fault := range faults {
				if fault.Problem == "" {
					t.Errorf("a fault of %q without a problem", fault.Key)
				}
			}
			return
		}
		if c := loaded.Value; c.Drain < 0 || c.SMTP.Host != "" && c.SMTP.Port == 0 {
			t.Errorf("accepted against its rules: %+v", c)
		}
		again, err := loadFile(t, path, file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(loaded.Entries(), again.Entries()); diff != "" {
			t.Errorf("read twice (-first +second):\n%s", diff)
		}
		var printed bytes.Buffer
		if err := loaded.Print(&printed); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(printed.String(), "\n"); got != len(loaded.Entries()) {
			t.Errorf("%d lines for %d keys:\n%s", got, len(loaded.Entries()), printed.String())
		}
	})
}

// loadFile puts a file in the place of the one before: a folder for each would take longer than reading it.
func loadFile(t *testing.T, path, file string) (*config.Loaded[processConfig], error) {
	t.Helper()
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(config.Options[processConfig]{Defaults: defaults(), File: path})
}

// FuzzSecretsStayHidden writes a password into a file unquoted, as a hurried operator does, or names a file that holds nothing but a secret.
// Whatever YAML makes of that, neither the faults nor the print show it.
func FuzzSecretsStayHidden(f *testing.F) {
	for _, secret := range []string{
		"hunter2hunter2", "*hunter2hunter2", "&hunter2hunter2", "!hunter2hunter2 x", "'hunter2hunter2", "[hunter2hunter2", "12345678901", "%hunter2hunter2",
	} {
		f.Add(secret, false)
		f.Add(secret, true)
	}
	path := filepath.Join(f.TempDir(), "doorward.yaml")
	f.Fuzz(func(t *testing.T, secret string, alone bool) {
		shown := strings.Trim(secret, "*&!'\"`%@|>[]{}?:,- \t\r\n#")
		if len(shown) < 7 || strings.ContainsAny(secret, "\r\n:?{") {
			return // nothing to recognise; or keys, which are named
		}
		file := "smtp:\n  password: " + secret + "\n"
		if alone {
			file = secret
		}
		var told bytes.Buffer
		loaded, err := loadFile(t, path, file)
		if err != nil {
			told.WriteString(err.Error())
		} else if err := loaded.Print(&told); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(told.String(), shown[:7]) {
			t.Errorf("%q shows in:\n%s", secret, told.String())
		}
	})
}

// FuzzOrigin holds that an origin is one: what links begin with and browsers compare, in one spelling, with nothing behind the host.
func FuzzOrigin(f *testing.F) {
	for _, address := range []string{
		"https://id.example.com/", "http://[::1]:7404", "https://:443", "https://id.example.com?", "https://id.example.com:", "https://b\u00fccher.example",
		"HTTPS://a\"b", "https://[fe80::1%25eth0]", "http://localhost", "https:id.example.com", "//id.example.com",
	} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		u, ok := config.Origin(address)
		if !ok {
			return
		}
		origin := u.Scheme + "://" + u.Host
		if u.String() != origin || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") {
			t.Errorf("Origin(%q) = %q", address, u)
		}
		if strings.Trim(u.Host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") != "" {
			t.Errorf("Origin(%q) has the host %q", address, u.Host)
		}
		if u.Scheme != "https" && !config.Loopback(u.Hostname()) {
			t.Errorf("Origin(%q) leaves this machine without TLS", address)
		}
		if again, ok := config.Origin(u.String()); !ok || again.String() != origin {
			t.Errorf("Origin(%q) = %q, which is none", address, u)
		}
	})
}
