package bus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
)

// A certificate of the deployment's CA says which service it is; one of another CA can only be known by the host that was dialled.
func TestTheDeploymentsServerIsKnownByItsName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	production, development, other := filepath.Join(dir, "p"), filepath.Join(dir, "d"), filepath.Join(dir, "other.pem")
	for dir, marked := range map[string]bool{production: false, development: true} {
		_, err := certs.Create(dir, []string{"nats"}, certs.Options{Now: time.Now(), Development: marked})
		must(t, err)
	}
	must(t, os.WriteFile(other, strangersCA(t), 0o600))
	both := filepath.Join(dir, "both.pem")
	content, err := os.ReadFile(production + "/ca.pem")
	must(t, err)
	must(t, os.WriteFile(both, append(content, strangersCA(t)...), 0o600))
	for ca, want := range map[string]string{production + "/ca.pem": "nats", development + "/ca.pem": "nats", other: "", both: ""} {
		transport, err := bus.Transport(ca)
		must(t, err)
		if transport.ServerName != want {
			t.Errorf("by %s the server's name is %q, want %q", ca, transport.ServerName, want)
		}
	}
}

// strangersCA is the certificate of a CA that isn't Doorward's.
func strangersCA(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Example CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
