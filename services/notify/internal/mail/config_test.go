package mail

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfigRefusesWhatIsUnsafeOrCantWork(t *testing.T) {
	file := passwordFile(t, "secret")
	tests := map[string]struct {
		config Config
		ok     bool
	}{
		"starttls by default":     {Config{Address: "smtp.example.com:587", From: from}, true},
		"plain to loopback":       {Config{Address: "127.0.0.1:7405", From: from, TLS: Plain}, true},
		"plain to loopback, IPv6": {Config{Address: "[::1]:7405", From: from, TLS: Plain}, true},
		"plain beyond loopback":   {Config{Address: "smtp.example.com:25", From: from, TLS: Plain}, false},
		"plain beyond, allowed":   {Config{Address: "inbox:7405", From: from, TLS: Plain, AllowPlain: true}, true},
		"a name like loopback":    {Config{Address: "127.0.0.1.example.com:25", From: from, TLS: Plain}, false},
		"a password without TLS":  {Config{Address: "127.0.0.1:25", From: from, TLS: Plain, Username: "u", PasswordFile: file}, false},
		"a password with TLS":     {Config{Address: "smtp.example.com:465", From: from, TLS: ImplicitTLS, Username: "u", PasswordFile: file}, true},
		"a user without password": {Config{Address: "smtp.example.com:587", From: from, Username: "u"}, false},
		"a password without user": {Config{Address: "smtp.example.com:587", From: from, PasswordFile: file}, false},
		"an unknown mode":         {Config{Address: "smtp.example.com:587", From: from, TLS: "ssl"}, false},
		"no port":                 {Config{Address: "smtp.example.com", From: from}, false},
		"no host":                 {Config{Address: ":587", From: from}, false},
		"no sender":               {Config{Address: "smtp.example.com:587"}, false},
		"a line in the sender":    {Config{Address: "smtp.example.com:587", From: "a@example.com\r\nBcc: b@example.com"}, false},
		"a negative timeout":      {Config{Address: "smtp.example.com:587", From: from, Timeout: -1}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := New(test.config, noon)
			if (err == nil) != test.ok || (err != nil && !errors.Is(err, ErrConfig)) {
				t.Errorf("New = %v, want ok: %t", err, test.ok)
			}
		})
	}
}

func TestConfigTellsEveryFault(t *testing.T) {
	_, err := New(Config{TLS: "ssl", Username: "u", Timeout: -1}, noon)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"address", "from", "tls", "username", "timeout"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q isn't in: %v", want, err)
		}
	}
}

func TestPasswordFileMustHoldAPassword(t *testing.T) {
	config := Config{Address: "smtp.example.com:587", From: from, Username: "u"}
	for name, path := range map[string]string{
		"missing": filepath.Join(t.TempDir(), "none"),
		"empty":   passwordFile(t, "\n"),
		"huge":    passwordFile(t, strings.Repeat("x", maxPasswordFile+1)),
	} {
		config.PasswordFile = path
		if _, err := New(config, noon); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAPasswordThatOthersCanReadIsRefused(t *testing.T) {
	path := passwordFile(t, "right horse")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := readPassword(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readPassword = %v, want a refusal that says what to do", err)
	}
}

func TestARotatedPasswordIsReadAnew(t *testing.T) {
	address, pool, arrived := guarded(t, false)
	path := passwordFile(t, "old one")
	made := sender(t, Config{Address: address, RootCAs: pool, Username: "doorward", PasswordFile: path})
	if err := made.Send(t.Context(), message()); err == nil {
		t.Fatal("the old password was accepted")
	}
	if err := os.WriteFile(path, []byte("right horse"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := made.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	<-arrived
}
