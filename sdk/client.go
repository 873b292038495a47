package doorward

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/sdk/internal/env"
)

// DefaultTimeout is the deadline of a call whose context has none.
const DefaultTimeout = 10 * time.Second

// reconnect is how soon a lost connection is tried for again. gRPC's own pauses grow to two minutes: an authn that restarts once more than expected
// would be away for its applications long after it is back.
var reconnect = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second},
	MinConnectTimeout: 5 * time.Second,
}

// Config is what a client needs. Address and APIKey have no default.
type Config struct {
	// Address is authn's host:port.
	Address string
	// APIKey is the application's key.
	APIKey Secret
	// CAFile is the path of the PEM file with the deployment's CA. The system's roots when empty.
	CAFile string
	// ServerName is the name in authn's certificate, when it isn't the address's host.
	ServerName string
	// Timeout is the deadline of a call; a context's own, if earlier, wins. DefaultTimeout when 0.
	Timeout time.Duration
	// SolveChallenges has the client do the proof of work that a call needs. While it is off such a call fails with a *ChallengeError, for the user's
	// browser to solve. Turn it on where the client runs at its user's own machine, or nobody else makes the calls: behind a web page it would do the work
	// for every bot that calls the page.
	SolveChallenges bool
	// MostWork is the hardest challenge that the client solves, in hashes at most. DefaultMostWork when 0.
	MostWork int64
	// DialOptions are added to the connection's; interceptors for tracing, for instance.
	DialOptions []grpc.DialOption
}

// Client talks to authn on behalf of one application. It may be used from many goroutines at once.
type Client struct {
	conn     *grpc.ClientConn
	attempts authnv1.AttemptServiceClient
	sessions authnv1.SessionServiceClient
}

// FromEnv makes a client from DOORWARD_ADDRESS, DOORWARD_API_KEY, DOORWARD_CA and DOORWARD_SERVER_NAME; the last two
// may be left out. What else there is to say, adjust says. It reports all that is missing at once. Nothing is dialled before the first call.
func FromEnv(_ context.Context, adjust ...func(*Config)) (*Client, error) {
	var vars env.Reader
	config := Config{
		Address:    vars.Need("DOORWARD_ADDRESS"),
		APIKey:     SecretOf(vars.Need("DOORWARD_API_KEY")),
		CAFile:     os.Getenv("DOORWARD_CA"),
		ServerName: os.Getenv("DOORWARD_SERVER_NAME"),
	}
	if err := vars.Err(); err != nil {
		return nil, err
	}
	for _, change := range adjust {
		change(&config)
	}
	return New(config)
}

// New makes a client. Nothing is dialled before the first call.
func New(config Config) (*Client, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	roots, err := readRoots(config.CAFile)
	if err != nil {
		return nil, err
	}
	transport := credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13,
		RootCAs:    roots,
		ServerName: config.ServerName,
	})
	timeout := config.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	most := config.MostWork
	if most == 0 {
		most = DefaultMostWork
	}
	options := append([]grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithPerRPCCredentials(apiKey{config.APIKey}),
		grpc.WithUserAgent("doorward-sdk-go"),
		grpc.WithConnectParams(reconnect),
		grpc.WithChainUnaryInterceptor(deadline(timeout), solving(config.SolveChallenges, most)),
	}, config.DialOptions...)
	conn, err := grpc.NewClient(config.Address, options...)
	if err != nil {
		return nil, fmt.Errorf("doorward: address %q: %w", config.Address, err)
	}
	return &Client{
		conn:     conn,
		attempts: authnv1.NewAttemptServiceClient(conn),
		sessions: authnv1.NewSessionServiceClient(conn),
	}, nil
}

// Conn is the connection, with the API key in every call, for the contract's own stubs and for the package verify.
func (c *Client) Conn() grpc.ClientConnInterface { return c.conn }

// Close ends the connection and the calls on it.
func (c *Client) Close() error { return c.conn.Close() }

func (c Config) validate() error {
	var faults []error
	if c.Address == "" {
		faults = append(faults, errors.New("doorward: no address: set Config.Address to authn's host:port"))
	}
	if c.APIKey.IsZero() {
		faults = append(faults, errors.New("doorward: no API key: set Config.APIKey"))
	}
	if c.Timeout < 0 {
		faults = append(faults, errors.New("doorward: a negative timeout: leave Config.Timeout at 0 for the default"))
	}
	if c.MostWork < 0 {
		faults = append(faults, errors.New("doorward: a negative amount of work: leave Config.MostWork at 0 for the default"))
	}
	return errors.Join(faults...)
}

// readRoots reads the deployment's CA. Without a file the answer is nil, which crypto/tls takes for the system's roots;
// a file without a certificate is an error, never the system's roots.
func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // crypto/tls gives nil this meaning
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("doorward: read the CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("doorward: no certificate in %s: DOORWARD_CA names the PEM file of the deployment's CA", path)
	}
	return roots, nil
}

// apiKey puts the key into every call, and refuses to on a connection without TLS.
type apiKey struct{ key Secret }

var _ credentials.PerRPCCredentials = apiKey{}

func (k apiKey) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + k.key.Reveal()}, nil
}

func (apiKey) RequireTransportSecurity() bool { return true }

// deadline bounds every call; a context that ends earlier keeps its own.
func deadline(most time.Duration) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		ctx, cancel := context.WithTimeout(ctx, most)
		defer cancel()
		return invoke(ctx, method, request, reply, conn, options...)
	}
}
