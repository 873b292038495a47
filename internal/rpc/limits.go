package rpc

import (
	"time"

	"github.com/doorward/doorward/internal/config"
)

// Limits is the section of a service's configuration that says what its server
// takes on. Zeroes mean the defaults.
type Limits struct {
	MaxCalls       int `koanf:"max_calls" doc:"unary calls in flight; sign-ups are refused at half of it, sign-ins at three quarters; 0 means 4096"`
	MaxStreams     int `koanf:"max_streams" doc:"streaming calls in flight; 0 means 1024"`
	MaxConnections int `koanf:"max_connections" doc:"open connections, half of them from one address; 0 means 2048"`
}

// leastLimit is the lowest that leaves each priority a place of its own.
const leastLimit = 4

// Check reports all faults at once.
func (l Limits) Check() config.Faults {
	var faults config.Faults
	const problem = "must be 4 or more, or 0 for the default"
	faults.Need(l.MaxCalls == 0 || l.MaxCalls >= leastLimit, "max_calls", problem)
	faults.Need(l.MaxStreams == 0 || l.MaxStreams >= leastLimit, "max_streams", problem)
	faults.Need(l.MaxConnections == 0 || l.MaxConnections >= leastLimit, "max_connections", problem)
	return faults
}

func (l Limits) withDefaults() Limits {
	return Limits{
		MaxCalls:       orDefault(l.MaxCalls, maxCalls),
		MaxStreams:     orDefault(l.MaxStreams, maxStreams),
		MaxConnections: orDefault(l.MaxConnections, maxConnections),
	}
}

// workers are the goroutines kept for calls, with stacks that have grown: on a
// fresh one, growing the stack costs as much as a short call's work.
const workers = 64

// What a client may take of a server, and a server of a client, before it is let
// go. docs/limits.md explains them to operators, and a test holds it to them.
const (
	// maxCalls bounds the unary calls in flight on a server. A wrong password waits
	// for its moment without working: an application may ask for two thousand a
	// second, and a moment is half a second on a slow machine. So the bound is in the
	// thousands. One connection may have all of them, and calls that are refused
	// besides: were it less, a backend with one connection would queue on its own
	// side, a token check behind sign-ups.
	maxCalls = 4096
	// maxStreams bounds the streaming calls, which may last as long as their connection.
	maxStreams = 1024
	// Of the requests that have begun and not come whole, twice what may be in flight,
	// callers without a certificate have strangersShare per cent, and networkShare per
	// mille from one address. With the defaults an address has 1280: as much as a
	// backend sends in 60 ms when it makes 20,000 calls a second. Six addresses can still
	// take what strangers have, and nothing of what the suite's own services need.
	strangersShare = 75
	networkShare   = 125
	// arrivalTimeout is what a request may take to come whole, whatever deadline its
	// caller asks for: 64 KiB on the slowest line that a backend stands on.
	arrivalTimeout = 5 * time.Second
	// maxConnections bounds those of all clients. One address gets half: a proxy
	// may well be all clients, but whoever opens without end keeps nobody else out.
	maxConnections = 2048

	maxRequestBytes  = 64 << 10 // servers accept, clients send
	maxResponseBytes = 4 << 20  // servers send, clients accept: what any gRPC client does by default
	maxHeaderBytes   = 16 << 10 // an API key, a session token and tracing fit well
	maxTrailerBytes  = 64 << 10 // clients accept: an answer may name many bad fields

	// defaultCallTimeout is the deadline of a call that comes without one, and
	// longestCall cuts what a client may ask for: a deadline of a day is none.
	defaultCallTimeout = 10 * time.Second
	longestCall        = time.Minute
	// defaultTimeout is what our own clients ask for.
	defaultTimeout = 5 * time.Second

	connectTimeout = 5 * time.Second // to connect and finish the TLS handshake
	// Servers ping a silent client, and let go of one that doesn't answer or that
	// pings without end. Our clients ping more slowly than that.
	serverPingAfter   = 2 * time.Minute
	serverPingTimeout = 20 * time.Second
	// serverWriteTimeout is how long a client may leave no room for what it asked for.
	serverWriteTimeout = 20 * time.Second
	leastPingInterval  = 10 * time.Second
	clientPingAfter    = 30 * time.Second
	clientPingTimeout  = 10 * time.Second
	// maxConnectionIdle takes back connections that nobody uses.
	maxConnectionIdle = 5 * time.Minute
	// A connection's age is bounded so that load spreads over new replicas and a
	// client's certificate is looked at again.
	maxConnectionAge      = 30 * time.Minute
	maxConnectionAgeGrace = time.Minute
)
