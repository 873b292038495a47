package certs

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

// OfDeployment says whether the CAs in a PEM file are all ones that Create makes. Every leaf of theirs bears all of the deployment's hosts, so a host's
// name doesn't tell one service from another: ask for the service's.
func OfDeployment(path string) (bool, error) {
	rest, err := os.ReadFile(path)
	if err != nil {
		return false, fmt.Errorf("certs: read CA: %w", err)
	}
	found := false
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return found, nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		ca, err := x509.ParseCertificate(block.Bytes)
		if err != nil || ca.Subject.CommonName != caName && ca.Subject.CommonName != caNameDevelopment {
			return false, nil //nolint:nilerr // what can't be read is no CA of Create's, and ReadRoots passes over it
		}
		found = true
	}
}

// ReadRoots reads a PEM file of CAs that the other side of a connection is held against. A file without a certificate is an error, never the
// system's CAs.
func ReadRoots(path string) (*x509.CertPool, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("certs: read CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("certs: %s holds no certificate; name the PEM file of the CA, such as ca.pem", path)
	}
	return roots, nil
}
