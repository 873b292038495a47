package rpc

import (
	"context"
	"net"
	"net/netip"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/fault"
)

// Authenticate finds out who calls. A caller that shows no credentials is
// access.Public with a nil error; credentials that are wrong are an error, also
// where the public would be admitted. It isn't called for rows that are public
// alone. Metadata and peer are in ctx. It must be safe for concurrent use and keep
// ctx's deadline.
type Authenticate func(ctx context.Context) (access.Principal, error)

// MTLSOnly authenticates services by their certificate and nobody else. risk and
// notify use it.
func MTLSOnly(ctx context.Context) (access.Principal, error) {
	p, ok := ServicePrincipal(ctx)
	if !ok {
		return access.Principal{}, fault.New(fault.Unauthenticated, typev1.Reason_REASON_CERTIFICATE_MISSING,
			"Connect with a client certificate of one of the suite's services.")
	}
	return p, nil
}

var _ Authenticate = MTLSOnly

// ServicePrincipal is the service at the other end of the connection, for
// authenticators that admit services among others.
func ServicePrincipal(ctx context.Context) (access.Principal, bool) {
	name, ok := PeerName(ctx)
	if !ok {
		return access.Principal{}, false
	}
	return access.Principal{Kind: access.Service, ID: name, Name: name, Certificate: name, Peer: peerAddr(ctx)}, true
}

// PeerName is the service name in the verified certificate of the call's peer.
func PeerName(ctx context.Context) (string, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "", false
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return "", false
	}
	return certs.PeerName(&info.State)
}

func peerAddr(ctx context.Context) netip.Addr {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return netip.Addr{}
	}
	return addrOf(p.Addr)
}

func addrOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap()
}
