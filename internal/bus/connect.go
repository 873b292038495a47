package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

// Config is what a connection needs.
type Config struct {
	// URL of the server, such as nats://127.0.0.1:7407, or several with commas between.
	URL      string
	Identity Identity
	// TLS is nil only for the embedded server on loopback.
	TLS *tls.Config
	// Patient returns a connection also when the server can't be reached yet, and goes on trying: a service that can work without
	// the bus for a while can also start without it. A refused identity is an error all the same.
	Patient bool
	Logger  *slog.Logger
}

// Conn is one identity's connection. It reconnects for ever; what happens meanwhile is the callers' to handle, and all of this
// package's do.
type Conn struct {
	nats *nats.Conn
	js   jetstream.JetStream
	name Name
	// durable is the name of this identity's consumers; a secret between it and the server.
	durable string

	mu      sync.Mutex
	waiters []chan struct{} // signalled on each reconnect
}

// Connect dials and returns when the server has accepted the identity, or when ctx ends; see Config.Patient.
func Connect(ctx context.Context, cfg Config) (*Conn, error) {
	if cfg.URL == "" || cfg.Identity.Name == "" || cfg.Logger == nil {
		return nil, errors.New("bus: a connection needs a URL, an identity and a logger")
	}
	c := &Conn{name: cfg.Identity.Name, durable: cfg.Identity.durable()}
	nc, err := dial(ctx, cfg.URL, c.options(cfg))
	if err != nil && cfg.Patient && Unreachable(err) && ctx.Err() == nil {
		// Only now: a first try with patience would take a refused identity for an absent server.
		nc, err = dial(ctx, cfg.URL, append(c.options(cfg), nats.RetryOnFailedConnect(true)))
	}
	if err != nil {
		return nil, fmt.Errorf("bus: %s can't connect to NATS at %s; is it running, and does it know this identity? %w", c.name, cfg.URL, err)
	}
	// The deadline of requests whose context has none.
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(callTimeout), jetstream.WithPublishAsyncTimeout(callTimeout))
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("bus: %w", err)
	}
	c.nats, c.js = nc, js
	return c, nil
}

// Unreachable says of Connect's error that the server wasn't there, as opposed to: it was, and refused us.
func Unreachable(err error) bool {
	var network net.Error
	return errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) || errors.As(err, &network)
}

// dial gives up with ctx; a connection that comes too late is closed.
func dial(ctx context.Context, url string, options []nats.Option) (*nats.Conn, error) {
	type result struct {
		nc  *nats.Conn
		err error
	}
	done := make(chan result, 1)
	go func() { // ends by the dial's own timeout
		nc, err := nats.Connect(url, options...)
		done <- result{nc, err}
	}()
	select {
	case r := <-done:
		return r.nc, r.err
	case <-ctx.Done():
		go func() {
			if r := <-done; r.nc != nil {
				r.nc.Close()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

func (c *Conn) options(cfg Config) []nats.Option {
	log := cfg.Logger.With(slog.String("identity", string(cfg.Identity.Name)))
	options := []nats.Option{
		nats.Name("doorward " + string(cfg.Identity.Name)),
		nats.Nkey(cfg.Identity.Public, cfg.Identity.sign),
		nats.CustomInboxPrefix(InboxPrefix(cfg.Identity.Name)),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // a server that was misconfigured for a moment is no reason to give up for ever
		nats.ReconnectWait(250 * time.Millisecond),
		nats.Timeout(callTimeout),
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		// Nothing is kept while disconnected: what was buffered would reach a server that has been rolled back before anybody has
		// looked. The outbox is the buffer.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err == nil { // we closed it
				return
			}
			log.LogAttrs(context.Background(), slog.LevelWarn, "bus: connection lost", slog.Any("error", err))
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			log.LogAttrs(context.Background(), slog.LevelInfo, "bus: connected again")
			c.signal()
		}),
		nats.ConnectHandler(func(*nats.Conn) { c.signal() }), // a patient connection's first
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.LogAttrs(context.Background(), slog.LevelWarn, "bus: server reports", slog.Any("error", err))
		}),
	}
	if cfg.TLS != nil {
		options = append(options, nats.Secure(cfg.TLS))
	}
	return options
}

// sign answers the server's challenge.
func (i Identity) sign(nonce []byte) ([]byte, error) {
	pair, err := nkeys.FromSeed(i.seed)
	if err != nil {
		return nil, err
	}
	defer pair.Wipe()
	return pair.Sign(nonce)
}

// JetStream is the connection's JetStream.
func (c *Conn) JetStream() jetstream.JetStream { return c.js }

// Name is the identity that connected.
func (c *Conn) Name() Name { return c.name }

// Connected says whether the server is reachable now.
func (c *Conn) Connected() bool { return c.nats.IsConnected() }

// Close ends the connection.
func (c *Conn) Close() { c.nats.Close() }

// reconnected returns a channel of capacity 1 that is signalled at each reconnect, and a function that ends that.
func (c *Conn) reconnected() (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiters = append(c.waiters, ch)
	return ch, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i, w := range c.waiters {
			if w == ch {
				c.waiters = append(c.waiters[:i], c.waiters[i+1:]...)
				return
			}
		}
	}
}

func (c *Conn) signal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.waiters {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}
