package certs

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"strings"
)

func identityURI(name string) *url.URL {
	return &url.URL{Scheme: "doorward", Host: "service", Path: "/" + name}
}

// PeerName returns the service name of a connection's peer, and false when the peer showed no certificate, an
// unverified one, or one without exactly one identity. Whether that name may do what it asks is the caller's question.
func PeerName(state *tls.ConnectionState) (string, bool) {
	if state == nil || !state.HandshakeComplete || len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) == 0 {
		return "", false
	}
	return identity(state.VerifiedChains[0][0])
}

// identity reads the one URI of a leaf. It compares the whole URI with the form that a name would have, so that user
// info, ports, queries, fragments and escapes are all refused.
func identity(leaf *x509.Certificate) (string, bool) {
	if leaf.IsCA || len(leaf.URIs) != 1 {
		return "", false
	}
	uri := leaf.URIs[0]
	name := strings.TrimPrefix(uri.Path, "/")
	if !validName.MatchString(name) || uri.String() != identityURI(name).String() {
		return "", false
	}
	return name, true
}
