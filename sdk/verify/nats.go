package verify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	revocationStream = "DOORWARD_REVOCATIONS"
	inboxPrefix      = "_INBOX_sdk"
	natsTimeout      = 5 * time.Second
	// A connection that answers no ping for two of these is given up.
	pingEvery = 5 * time.Second
	// An abandoned consumer is forgotten by the server after this.
	consumerIdle = 30 * time.Second
)

// NATSConfig says how to reach the stream of revocations.
type NATSConfig struct {
	// URL is the server's, such as tls://nats.internal:7407; several are separated by commas.
	URL string
	// SeedFile is the path of the SDK's nkey seed.
	SeedFile string
	// CAFile is the path of the PEM file with the CA of the server's certificate. Without it a tls:// server is held
	// against the system's roots.
	CAFile string
	// ServerName is the name in the server's certificate, when it isn't the URL's host: nats, of a certificate that
	// Doorward made, as those of all its services bear the deployment's hosts. It demands TLS.
	ServerName string
	// Name is what the server's operator sees, doorward-sdk when empty.
	Name string
}

// natsSource makes a connection of its own for each read. nats.go could reconnect by itself, but would then go on from a
// sequence number, which means nothing in a stream that was restored from a backup.
type natsSource struct {
	url     string
	options []nats.Option
}

var _ Source = (*natsSource)(nil)

// NATS reads the revocations from a NATS server. It connects when it is read, not before.
func NATS(config NATSConfig) (Source, error) {
	if config.URL == "" || config.SeedFile == "" {
		return nil, errors.New("verify: NATSConfig needs URL and SeedFile")
	}
	identity, err := nats.NkeyOptionFromSeed(config.SeedFile)
	if err != nil {
		return nil, fmt.Errorf("verify: read the NATS seed: %w", err)
	}
	name := config.Name
	if name == "" {
		name = "doorward-sdk"
	}
	options := []nats.Option{
		identity,
		nats.Name(name),
		nats.CustomInboxPrefix(inboxPrefix),
		nats.NoReconnect(),
		nats.Timeout(natsTimeout),
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(2),
	}
	if config.ServerName != "" {
		options = append(options, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12, ServerName: config.ServerName}))
	}
	if config.CAFile != "" {
		options = append(options, nats.RootCAs(config.CAFile))
	}
	return &natsSource{url: config.URL, options: options}, nil
}

// Read implements Source.
func (s *natsSource) Read(ctx context.Context, since time.Time, handle func(subject string, header map[string][]string, body []byte)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conn, err := s.connect(cancel)
	if err != nil {
		return err
	}
	defer conn.Close()
	messages, err := subscribe(ctx, conn, since)
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		message, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
		handle(message.Subject(), message.Headers(), message.Data())
	}
}

func (s *natsSource) connect(lost context.CancelCauseFunc) (*nats.Conn, error) {
	options := append([]nats.Option{
		nats.ClosedHandler(func(conn *nats.Conn) {
			lost(fmt.Errorf("verify: the connection to NATS is closed: %w", errors.Join(conn.LastError(), nats.ErrConnectionClosed)))
		}),
		// Without a handler of ours nats.go prints to standard error. What matters comes back from Next.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, s.options...)
	conn, err := nats.Connect(s.url, options...)
	if err != nil {
		return nil, fmt.Errorf("verify: connect to NATS: %w", err)
	}
	return conn, nil
}

// subscribe begins to read with an ordered consumer, which starts over by itself when a message is missing.
func subscribe(ctx context.Context, conn *nats.Conn, since time.Time) (jetstream.MessagesContext, error) {
	stream, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("verify: JetStream: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, natsTimeout)
	defer cancel()
	consumer, err := stream.OrderedConsumer(ctx, revocationStream, jetstream.OrderedConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartTimePolicy,
		OptStartTime:      &since,
		InactiveThreshold: consumerIdle,
		MaxResetAttempts:  1, // then the feed begins again, with a connection of its own
	})
	if err != nil {
		return nil, fmt.Errorf("verify: read %s: %w", revocationStream, err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return nil, fmt.Errorf("verify: read %s: %w", revocationStream, err)
	}
	return messages, nil
}
