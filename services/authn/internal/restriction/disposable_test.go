package restriction

import (
	"bytes"
	"compress/gzip"
	"testing"
)

func TestTheDisposableDomainsThatShipAreRead(t *testing.T) {
	shipped, err := shippedDisposable()
	if err != nil {
		t.Fatal(err)
	}
	if shipped.used < 5000 {
		t.Errorf("%d domains", shipped.used)
	}
	for domain, want := range map[string]string{
		"mailinator.com":         "mailinator.com",
		"a.b.mailinator.com":     "mailinator.com",
		"yopmail.com":            "yopmail.com",
		"example-mailinator.com": "",
		"mailinator.com.org":     "",
		"com":                    "",
		"gmail.com":              "",
		"example.com":            "",
		"mail.proton.me":         "",
		"mailinator.example.de":  "",
	} {
		if got := shipped.within(domain); got != want {
			t.Errorf("%s is within %q, want %q", domain, got, want)
		}
	}
}

// A whole top-level domain, or one that millions use, must not have slipped in.
func TestNoneOfThemIsACommonMailDomain(t *testing.T) {
	shipped, err := shippedDisposable()
	if err != nil {
		t.Fatal(err)
	}
	for domain := range providers {
		if got := shipped.within(domain); got != "" {
			t.Errorf("%s is disposable", domain)
		}
	}
	for r := range shipped.records() {
		if labels(r.name()) < 2 || kindOf(r.name()) != Domain {
			t.Errorf("%q ships", r.name())
		}
	}
}

func TestADamagedListIsNotTaken(t *testing.T) {
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	if _, err := zip.Write([]byte("a.example\nu@b.example\n")); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{
		"an address in it": zipped.Bytes(),
		"cut off":          disposableFile[:len(disposableFile)/2],
		"nothing":          nil,
	} {
		if l, err := readDisposable(file); err == nil || l != nil {
			t.Errorf("%s: taken, %v", name, err)
		}
	}
}
