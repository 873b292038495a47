package authn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/outbox"
)

// The pauses between tries to reach NATS for the first time.
const (
	firstDialPause   = 250 * time.Millisecond
	longestDialPause = 5 * time.Second
	dialTimeout      = 5 * time.Second
	checkTimeout     = 5 * time.Second
)

var errNotConnected = errors.New("NATS wasn't reached yet")

// link is the way to NATS, which may come up after authn: until then the relay is told so, and events wait. Once made, the connection
// mends itself.
type link struct {
	config bus.Config
	logger *slog.Logger

	made atomic.Pointer[connection]
	// up is closed when made is set; arrived is signalled then, for the relay to look again at once.
	up      chan struct{}
	arrived chan struct{}
}

type connection struct {
	conn      *bus.Conn
	publisher *bus.Publisher
}

var _ outbox.Publisher = (*link)(nil)

// newLink reads the identity and the CA. It doesn't dial.
func newLink(c NATSConfig, logger *slog.Logger) (*link, error) {
	identity, err := bus.ReadIdentity(c.Seed, bus.Authn)
	if err != nil {
		return nil, err
	}
	l := &link{
		config:  bus.Config{URL: c.URL, Identity: identity, Logger: logger},
		logger:  logger,
		up:      make(chan struct{}),
		arrived: make(chan struct{}, 1),
	}
	if c.CA != "" {
		if l.config.TLS, err = clientTLS(c.CA); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func clientTLS(caFile string) (*tls.Config, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("read the CA of NATS: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read the CA of NATS: %s holds no certificate", caFile)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots}, nil
}

// run connects, however long that takes, and keeps the connection until ctx ends.
func (l *link) run(ctx context.Context) error {
	conn := l.dial(ctx)
	if conn == nil {
		return nil
	}
	defer conn.Close()
	l.check(ctx, conn)
	l.made.Store(&connection{conn: conn, publisher: bus.NewPublisher(conn)})
	close(l.up)
	l.arrived <- struct{}{}
	<-ctx.Done()
	return nil
}

// dial tries until it succeeds or ctx ends; then it returns nil.
func (l *link) dial(ctx context.Context) *bus.Conn {
	for pause := firstDialPause; ; pause = min(2*pause, longestDialPause) {
		trying, cancel := context.WithTimeout(ctx, dialTimeout)
		conn, err := bus.Connect(trying, l.config)
		cancel()
		if err == nil {
			return conn
		}
		if ctx.Err() != nil {
			return nil
		}
		l.logger.LogAttrs(ctx, slog.LevelWarn, "NATS can't be reached; events wait in the outbox", slog.Any("error", err))
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// check compares the streams with what this version needs. The operator hears of a difference; the relay goes on trying meanwhile.
func (l *link) check(ctx context.Context, conn *bus.Conn) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := bus.Check(ctx, conn.JetStream(), conn.Name()); err != nil {
		l.logger.LogAttrs(ctx, slog.LevelError, "the streams aren't as this version needs them", slog.Any("error", err))
	}
}

// await returns the connection once there is one, and false when ctx ends first.
func (l *link) await(ctx context.Context) (*bus.Conn, bool) {
	select {
	case <-l.up:
		return l.made.Load().conn, true
	case <-ctx.Done():
		return nil, false
	}
}

// Route implements outbox.Publisher.
func (l *link) Route(subject string) (string, error) { return bus.StreamOf(subject) }

// Place implements outbox.Publisher.
func (l *link) Place(ctx context.Context, stream string) (outbox.Place, error) {
	if c := l.made.Load(); c != nil {
		return c.publisher.Place(ctx, stream)
	}
	return outbox.Place{}, errNotConnected
}

// Publish implements outbox.Publisher.
func (l *link) Publish(row outbox.Row, at outbox.Place) (outbox.Receipt, error) {
	if c := l.made.Load(); c != nil {
		return c.publisher.Publish(row, at)
	}
	return nil, errNotConnected
}

// Reconnected implements outbox.Publisher. The first connection counts as one.
func (l *link) Reconnected() <-chan struct{} {
	if c := l.made.Load(); c != nil && len(l.arrived) == 0 {
		return c.publisher.Reconnected()
	}
	return l.arrived
}

// heartbeat says that whatever was committed before a moment is in the stream of revocations.
func heartbeat(at time.Time) outbox.Row {
	// A message of one timestamp always encodes.
	data, _ := proto.Marshal(&eventv1.RevocationHeartbeat{DrainedAt: timestamppb.New(at)})
	return outbox.Row{
		ID:      id.New("evt", at),
		Subject: bus.SubjectHeartbeat,
		Type:    bus.TypeOf(bus.SubjectHeartbeat),
		Source:  string(bus.Authn),
		Time:    at,
		Data:    data,
	}
}
