package certs_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/certs"
)

// Certificates are checked against the machine's clock by crypto/tls, so the tests issue from now.
func options() certs.Options { return certs.Options{Now: time.Now(), Development: true} }

func create(t *testing.T, dir string, opts certs.Options, names ...string) []string {
	t.Helper()
	issued, err := certs.Create(dir, names, opts)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// contents reads a directory's files by name.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, entry := range entries {
		if files[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func leaf(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(contents(t, dir)[name+".pem"])
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestCreateWritesPrivateFiles(t *testing.T) {
	dir := t.TempDir()
	if got := create(t, dir, options(), "authn", "risk"); !slices.Equal(got, []string{certs.Authority, "authn", "risk"}) {
		t.Errorf("issued %v", got)
	}
	for _, name := range []string{"ca.pem", "ca.key", "authn.pem", "authn.key", "risk.pem", "risk.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != fs.FileMode(0o600) {
			t.Errorf("%s has mode %v, want 0600", name, info.Mode())
		}
	}
}

func TestCreateAgainChangesNothing(t *testing.T) {
	dir := t.TempDir()
	opts := options()
	create(t, dir, opts, "authn", "risk")
	before := contents(t, dir)
	if got := create(t, dir, opts, "authn", "risk"); len(got) != 0 {
		t.Errorf("issued %v again", got)
	}
	for name, content := range contents(t, dir) {
		if !bytes.Equal(content, before[name]) {
			t.Errorf("%s changed", name)
		}
	}
}

func TestCreateIssuesAgainWhatIsNoLongerGood(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir string, opts *certs.Options){
		"expires within 30 days": func(_ *testing.T, _ string, o *certs.Options) {
			o.Now = o.Now.Add(certs.DefaultValidity - certs.RenewBefore + time.Minute)
		},
		"expired":          func(_ *testing.T, _ string, o *certs.Options) { o.Now = o.Now.Add(2 * certs.DefaultValidity) },
		"a new host":       func(_ *testing.T, _ string, o *certs.Options) { o.Hosts = []string{"auth.example.org", "192.0.2.7"} },
		"key lost":         func(t *testing.T, dir string, _ *certs.Options) { remove(t, dir, "authn.key") },
		"certificate lost": func(t *testing.T, dir string, _ *certs.Options) { remove(t, dir, "authn.pem") },
		"another's pair": func(t *testing.T, dir string, _ *certs.Options) {
			rename(t, dir, "risk.pem", "authn.pem")
			rename(t, dir, "risk.key", "authn.key")
		},
		"pair of two issues": func(t *testing.T, dir string, _ *certs.Options) { rename(t, dir, "risk.key", "authn.key") },
	} {
		t.Run(name, func(t *testing.T) {
			dir, opts := t.TempDir(), options()
			create(t, dir, opts, "authn", "risk")
			before := contents(t, dir)
			spoil(t, dir, &opts)
			if got := create(t, dir, opts, "authn"); !slices.Equal(got, []string{"authn"}) {
				t.Fatalf("issued %v, want authn", got)
			}
			after := contents(t, dir)
			if !bytes.Equal(before["ca.pem"], after["ca.pem"]) || !bytes.Equal(before["ca.key"], after["ca.key"]) {
				t.Error("the CA changed")
			}
			for _, host := range append([]string{"authn", "localhost", "127.0.0.1"}, opts.Hosts...) {
				if err := leaf(t, dir, "authn").VerifyHostname(host); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestRenewIssuesWhatIsStillGoodAndKeepsItsHosts(t *testing.T) {
	dir, opts := t.TempDir(), options()
	opts.Hosts = []string{"auth.example.org", "192.0.2.7"}
	create(t, dir, opts, "authn", "risk")
	before := contents(t, dir)
	opts.Hosts = []string{"new.example.org"}
	if err := certs.Renew(dir, []string{"authn"}, opts); err != nil {
		t.Fatal(err)
	}
	after := contents(t, dir)
	for name := range before {
		if changed := !bytes.Equal(before[name], after[name]); changed != (name == "authn.pem" || name == "authn.key") {
			t.Errorf("%s: changed is %t", name, changed)
		}
	}
	for _, host := range []string{"authn", "localhost", "127.0.0.1", "auth.example.org", "192.0.2.7", "new.example.org"} {
		if err := leaf(t, dir, "authn").VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
}

// A certificate of another CA could name hosts that nobody here ever asked for.
func TestRenewTakesNoHostsFromAForeignCertificate(t *testing.T) {
	dir, foreign, opts := t.TempDir(), t.TempDir(), options()
	create(t, dir, opts, "authn")
	opts.Hosts = []string{"evil.example.org"}
	create(t, foreign, opts, "authn")
	opts.Hosts = nil
	if err := os.Rename(filepath.Join(foreign, "authn.pem"), filepath.Join(dir, "authn.pem")); err != nil {
		t.Fatal(err)
	}
	if err := certs.Renew(dir, []string{"authn"}, opts); err != nil {
		t.Fatal(err)
	}
	if leaf(t, dir, "authn").VerifyHostname("evil.example.org") == nil {
		t.Error("a host of a foreign certificate was taken over")
	}
}

func TestRenewLetsNoServiceStandInForAnother(t *testing.T) {
	dir, opts := t.TempDir(), options()
	create(t, dir, opts, "authn", "notify")
	before := contents(t, dir)
	opts.Hosts = []string{"authn"}
	if err := certs.Renew(dir, []string{"notify"}, opts); err == nil {
		t.Error("notify may be called authn")
	}
	if !bytes.Equal(before["notify.pem"], contents(t, dir)["notify.pem"]) {
		t.Error("a refused renewal changed the certificate")
	}
}

func TestRenewNeedsTheCA(t *testing.T) {
	dir, opts := t.TempDir(), options()
	if err := certs.Renew(dir, []string{"authn"}, opts); err == nil {
		t.Error("renewed without a CA")
	}
	create(t, dir, opts, "authn")
	before := contents(t, dir)
	remove(t, dir, "ca.key")
	if err := certs.Renew(dir, []string{"authn"}, opts); err == nil {
		t.Error("renewed without the CA's key")
	}
	if !bytes.Equal(before["authn.pem"], contents(t, dir)["authn.pem"]) {
		t.Error("a refused renewal changed the certificate")
	}
	if err := certs.Renew(dir, []string{"ca"}, opts); err == nil {
		t.Error("the CA passes for a service")
	}
}

func TestCAIsCompletedOrKeptButNeverReplaced(t *testing.T) {
	t.Run("key alone gets its certificate", func(t *testing.T) {
		dir := t.TempDir()
		create(t, dir, options(), "authn")
		key := contents(t, dir)["ca.key"]
		remove(t, dir, "ca.pem")
		if got := create(t, dir, options(), "authn"); len(got) != 0 {
			t.Errorf("issued %v, want the leaf of the same key kept", got)
		}
		if !bytes.Equal(key, contents(t, dir)["ca.key"]) {
			t.Error("ca.key changed")
		}
	})
	t.Run("certificate alone is enough while leaves are good", func(t *testing.T) {
		dir := t.TempDir()
		create(t, dir, options(), "authn")
		remove(t, dir, "ca.key")
		create(t, dir, options(), "authn")
		if _, err := certs.Create(dir, []string{"authn", "risk"}, options()); err == nil {
			t.Error("issued without ca.key")
		}
	})
	t.Run("none is made beside another's certificates", func(t *testing.T) {
		dir := t.TempDir()
		create(t, dir, options(), "authn")
		remove(t, dir, "ca.pem")
		remove(t, dir, "ca.key")
		before := contents(t, dir)
		_, err := certs.Create(dir, []string{"authn", "risk"}, options())
		if err == nil || !strings.Contains(err.Error(), "without their CA: bring ca.pem back") {
			t.Errorf("Create = %v", err)
		}
		if !maps.EqualFunc(before, contents(t, dir), bytes.Equal) {
			t.Error("files were changed")
		}
	})
	t.Run("another key is refused", func(t *testing.T) {
		dir, other := t.TempDir(), t.TempDir()
		create(t, dir, options())
		create(t, other, options())
		if err := os.Rename(filepath.Join(other, "ca.key"), filepath.Join(dir, "ca.key")); err != nil {
			t.Fatal(err)
		}
		if _, err := certs.Create(dir, nil, options()); err == nil {
			t.Error("a CA with another's key was accepted")
		}
	})
}

func TestCreateRefusesBadNamesAndHosts(t *testing.T) {
	for name, c := range map[string]struct {
		service string
		change  func(*certs.Options)
	}{
		"path":            {"../authn", func(*certs.Options) {}},
		"the CA's files":  {"ca", func(*certs.Options) {}},
		"empty":           {"", func(*certs.Options) {}},
		"upper case":      {"Authn", func(*certs.Options) {}},
		"service as host": {"authn", func(o *certs.Options) { o.Hosts = []string{"authn"} }},
		"wildcard host":   {"authn", func(o *certs.Options) { o.Hosts = []string{"*.example.org"} }},
		"no time":         {"authn", func(o *certs.Options) { o.Now = time.Time{} }},
	} {
		t.Run(name, func(t *testing.T) {
			opts := options()
			c.change(&opts)
			dir := filepath.Join(t.TempDir(), "certs")
			if _, err := certs.Create(dir, []string{c.service}, opts); err == nil {
				t.Error("no error")
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("something was written")
			}
		})
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, dir, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
		t.Fatal(err)
	}
}
