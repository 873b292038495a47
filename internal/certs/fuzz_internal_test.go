package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzIdentity reads the URI of a certificate that our CA signed, as crypto/x509 would. A name comes out of its one spelling alone.
func FuzzIdentity(f *testing.F) {
	for _, uri := range []string{
		"doorward://service/authn", "doorward://service/authn/", "doorward://service//authn", "doorward://service/%61uthn", "doorward://service/authn?x",
		"doorward://service/authn#", "doorward://me@service/authn", "doorward://service:1/authn", "doorward:service/authn", "DOORWARD://service/authn",
		"doorward://Service/authn", "spiffe://service/authn", "doorward://service/AUTHN", "doorward://service/" + strings.Repeat("a", 33), "doorward://service/..",
	} {
		f.Add(uri, false)
	}
	f.Add("doorward://service/authn", true)
	f.Fuzz(func(t *testing.T, text string, isCA bool) {
		uri, err := url.Parse(text)
		if err != nil {
			return // x509 refuses the certificate
		}
		leaf := &x509.Certificate{URIs: []*url.URL{uri}, IsCA: isCA}
		name, ok := identity(leaf)
		if !ok {
			if name != "" {
				t.Errorf("%q gives no identity, and yet %q", text, name)
			}
			return
		}
		_, rest, _ := strings.Cut(strings.TrimSuffix(text, "#"), ":") // a scheme has no case, and net/url drops an empty fragment
		if isCA || rest != "//service/"+name || !validName.MatchString(name) {
			t.Errorf("%q gives the identity %q", text, name)
		}
		leaf.URIs = append(leaf.URIs, uri)
		if name, ok := identity(leaf); ok {
			t.Errorf("two URIs give the identity %q", name)
		}
	})
}

// FuzzReadPEM reads a certificate's or a key's file of any content. A key that is taken signs; a certificate that is taken is a root too; no error
// quotes the file.
func FuzzReadPEM(f *testing.F) {
	dir := f.TempDir()
	if _, err := Create(dir, []string{"authn"}, Options{Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}); err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"ca.pem", "ca.key", "authn.pem"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
		f.Add(content[:len(content)/2])
		f.Add(append([]byte("-----BEGIN X-----\n-----END X-----\n"), content...))
		f.Add(bytes.ReplaceAll(content, []byte(" PRIVATE"), nil))
	}
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n-----END PRIVATE KEY-----\n"))
	path := filepath.Join(dir, "read")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		key, errKey := readKey(path)
		cert, errCert := readCert(path)
		roots, errRoots := ReadRoots(path)
		if text := string(bytes.TrimSpace(content)); len(text) >= 16 {
			if err := errors.Join(errKey, errCert, errRoots); err != nil && strings.Contains(err.Error(), text) {
				t.Errorf("an error quotes the file: %v", err)
			}
		}
		if errKey == nil {
			digest := make([]byte, 32)
			if signature, err := ecdsa.SignASN1(rand.Reader, key, digest); err != nil || !ecdsa.VerifyASN1(&key.PublicKey, digest, signature) {
				t.Errorf("a key was taken that doesn't sign: %v", err)
			}
		}
		if errCert == nil && (len(cert.Raw) == 0 || errRoots != nil) {
			t.Errorf("a certificate was taken that is no root: %v", errRoots)
		}
		if (errRoots == nil) != (roots != nil) {
			t.Errorf("roots %v with %v", roots, errRoots)
		}
	})
}
