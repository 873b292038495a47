package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/doorward/doorward/internal/secret"
)

const (
	caName            = "Doorward CA"
	caNameDevelopment = "Doorward development CA"
)

func signCA(key *ecdsa.PrivateKey, opts Options) ([]byte, error) {
	name := caName
	if opts.Development {
		name = caNameDevelopment
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"Doorward"}, CommonName: name},
		NotBefore:             opts.Now.Add(-backdate),
		NotAfter:              opts.Now.Add(caValidity),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true, // it issues leaves, never another CA
	}
	return x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
}

func (a *authority) signLeaf(public *ecdsa.PublicKey, name string, opts Options) ([]byte, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"Doorward"}, CommonName: name},
		NotBefore:             opts.Now.Add(-backdate),
		NotAfter:              opts.Now.Add(opts.Validity),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		URIs:                  []*url.URL{identityURI(name)},
		DNSNames:              []string{name, "localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if template.NotAfter.After(a.cert.NotAfter) {
		template.NotAfter = a.cert.NotAfter
	}
	for _, host := range slices.Compact(slices.Sorted(slices.Values(opts.Hosts))) {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
}

func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func createKey(path string) (*ecdsa.PrivateKey, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, err
	}
	return key, secret.CreateFile(path, keyPEM)
}

func createCert(path string, der []byte) error {
	return secret.CreateFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func replacePair(dir, name string, keyPEM, der []byte) error {
	if err := secret.ReplaceFile(filepath.Join(dir, name+".key"), keyPEM); err != nil {
		return err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return secret.ReplaceFile(filepath.Join(dir, name+".pem"), certPEM)
}

func readCert(path string) (*x509.Certificate, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s holds no PEM certificate", path)
	}
	return x509.ParseCertificate(block.Bytes)
}

func readKey(path string) (*ecdsa.PrivateKey, error) {
	content, err := secret.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("%s holds no PEM private key", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s is not an ECDSA key", path)
	}
	return key, nil
}
