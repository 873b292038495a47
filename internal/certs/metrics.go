package certs

import (
	"crypto/x509"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Observe shows until when the certificate that is shown, and the CA that is trusted, are good. The registerer says
// whose they are.
func (m *Material) Observe(reg prometheus.Registerer) error {
	own := func() *x509.Certificate {
		pair, err := m.certificate()
		if err != nil {
			return nil
		}
		return pair.Leaf
	}
	if err := ObserveExpiry(reg, "own", own); err != nil {
		return err
	}
	return ObserveExpiry(reg, "ca", func() *x509.Certificate { return m.ca })
}

// ObserveExpiry shows until when a certificate is good: "own", "ca", or "browser" for the one that the portal shows.
func ObserveExpiry(reg prometheus.Registerer, which string, current func() *x509.Certificate) error {
	expiry := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "doorward_certificate_not_after_seconds", Help: "Until when a certificate is good, in seconds of the Unix epoch: own, ca, browser.",
		ConstLabels: prometheus.Labels{"certificate": which},
	}, func() float64 {
		cert := current()
		if cert == nil {
			return 0
		}
		return float64(cert.NotAfter.Unix())
	})
	if err := reg.Register(expiry); err != nil {
		return fmt.Errorf("certs: register metric: %w", err)
	}
	return nil
}
