package rpc

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/doorward/doorward/internal/telemetry"
)

// reconnect is quick at first: most restarts take less than a second.
var reconnect = backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second}

// ClientConfig is what a client needs.
type ClientConfig struct {
	// TLS is certs.ClientTLS, or as strict: version 1.3, the suite's CA, and the
	// ServerName that the other side must prove.
	TLS *tls.Config
	// Timeout is the deadline of unary calls whose context has none: 5 s when zero.
	Timeout time.Duration
	// Credentials, if any, go with each call: an operator's API key.
	Credentials credentials.PerRPCCredentials
	// Tracing begins a span for each call, and passes it on; the zero value does neither.
	Tracing telemetry.Tracing
	// BareStatus leaves errors as gRPC statuses instead of faults.
	BareStatus bool
}

// atEachConnection has a name looked up whenever a connection is made. gRPC's own
// resolver keeps what it found for half a minute, in which a server that has come back
// under another address, as containers do, would be unreachable.
func atEachConnection(target string) string {
	if strings.Contains(target, "://") {
		return target
	}
	return "passthrough:///" + target
}

// Dial makes a client of the server at target ("127.0.0.1:7402", or a name with
// gRPC's resolvers). It doesn't wait for a connection: calls do, until their
// deadline, or fail at once while the server can't be reached. The caller closes it.
//
// Neither proxies nor service configs from DNS apply: what a call does is in the code.
func Dial(target string, cfg ClientConfig) (*grpc.ClientConn, error) {
	if err := checkClientTLS(cfg.TLS); err != nil {
		return nil, fmt.Errorf("dial %s: %w", target, err)
	}
	chain := clientChain(orDefault(cfg.Timeout, defaultTimeout), cfg.BareStatus)
	var unary []grpc.UnaryClientInterceptor
	var stream []grpc.StreamClientInterceptor
	for _, i := range chain {
		unary = append(unary, i.unary)
		stream = append(stream, i.stream)
	}
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewTLS(cfg.TLS.Clone())),
		grpc.WithChainUnaryInterceptor(unary...),
		grpc.WithChainStreamInterceptor(stream...),
		grpc.WithDisableServiceConfig(),
		grpc.WithNoProxy(),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: connectTimeout}),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallSendMsgSize(maxRequestBytes),
			grpc.MaxCallRecvMsgSize(maxResponseBytes),
		),
		grpc.WithMaxHeaderListSize(maxTrailerBytes),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: clientPingAfter, Timeout: clientPingTimeout, PermitWithoutStream: true,
		}),
	}
	if cfg.Tracing.Enabled() {
		opts = append(opts, grpc.WithStatsHandler(traceCalls(cfg.Tracing)))
	}
	if cfg.Credentials != nil {
		opts = append(opts, grpc.WithPerRPCCredentials(cfg.Credentials))
	}
	conn, err := grpc.NewClient(atEachConnection(target), opts...)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", target, err)
	}
	return conn, nil
}

func checkClientTLS(cfg *tls.Config) error {
	switch {
	case cfg == nil, cfg.MinVersion < tls.VersionTLS13, cfg.InsecureSkipVerify, cfg.RootCAs == nil:
		return ErrWeakTLS
	case cfg.ServerName == "":
		return errors.Join(ErrWeakTLS, errors.New("the TLS config names no server: whoever has a certificate of the CA could answer"))
	}
	return nil
}
