package certs

import "crypto/tls"

// Callers says which peers a server lets finish the handshake.
type Callers int

const (
	// ServicesOnly demands a certificate of the CA. It is the zero value: a server is closed unless it says otherwise.
	ServicesOnly Callers = iota
	// Anyone also admits peers with no certificate, such as application backends that come with an API key. A
	// certificate that is shown must still be good; PeerName tells the two apart.
	Anyone
)

// ServerTLS is the configuration of a server: TLS 1.3 alone, its own certificate, and peers as callers says.
func ServerTLS(m *Material, callers Callers) *tls.Config {
	clientAuth := tls.RequireAndVerifyClientCert
	if callers == Anyone {
		clientAuth = tls.VerifyClientCertIfGiven
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ClientAuth: clientAuth,
		ClientCAs:  m.roots,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return m.certificate()
		},
	}
}

// ClientTLS is the configuration of a client that shows its own certificate and demands that the server is serverName,
// whatever address was dialled.
func ClientTLS(m *Material, serverName string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: serverName,
		RootCAs:    m.roots,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return m.certificate()
		},
	}
}
