package certs

import (
	"crypto/x509"
	"fmt"
	"os"
)

// ReadRoots reads a PEM file of CAs that the other side of a connection is held against. A file without a certificate is an error, never the
// system's CAs.
func ReadRoots(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("certs: read CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("certs: %s holds no certificate; name the PEM file of the CA, such as ca.pem", path)
	}
	return roots, nil
}
