package config_test

import (
	"testing"

	"github.com/doorward/doorward/internal/config"
)

func TestOriginIsSchemeAndHostAlone(t *testing.T) {
	for address, want := range map[string]string{
		"https://id.example.com":      "https://id.example.com",
		"https://id.example.com/":     "https://id.example.com",
		"http://127.0.0.1:7404":       "http://127.0.0.1:7404",
		"http://[::1]:7404":           "http://[::1]:7404",
		"http://localhost":            "http://localhost",
		"http://id.example.com":       "",
		"http://127.0.0.1.evil.test":  "",
		"https://id.example.com/path": "",
		"https://id.example.com?q=1":  "",
		"https://id.example.com#f":    "",
		"https://me@id.example.com":   "",
		"ftp://id.example.com":        "",
		"https://:443":                "",
		"https://id.example.com:":     "",
		"https://id.example.com?":     "",
		"https://bücher.example":      "",
		"https://a\"b<c>.example":     "",
		"id.example.com":              "",
		"":                            "",
	} {
		got := ""
		if u, ok := config.Origin(address); ok {
			got = u.String()
		}
		if got != want {
			t.Errorf("Origin(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestLoopbackIsThisMachineAlone(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "0.0.0.0": false, "10.0.0.1": false, "example.com": false, "localhost.example.com": false,
	} {
		if got := config.Loopback(host); got != want {
			t.Errorf("Loopback(%q) = %t, want %t", host, got, want)
		}
	}
}

func TestHostPortNeedsAPort(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:7401": true, ":7401": true, "[::1]:7401": true, "authn.internal:7401": true,
		"": false, "127.0.0.1": false, "127.0.0.1:": false, "::1:7401": false,
	} {
		if got := config.HostPort(address); got != want {
			t.Errorf("HostPort(%q) = %t, want %t", address, got, want)
		}
	}
}

func TestFaultsOfASectionBearItsKey(t *testing.T) {
	var faults config.Faults
	faults.Need(true, "url", "is fine")
	faults.Need(false, "seed", "is missing")
	placed := faults.Within("nats")
	if len(placed) != 1 || placed[0].Key != "nats.seed" || faults[0].Key != "seed" {
		t.Errorf("faults %v, within the section %v", faults, placed)
	}
}
