package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/doorward/doorward/internal/outbox"
)

// callTimeout bounds every request whose caller set no deadline.
const callTimeout = 5 * time.Second

var _ outbox.Publisher = (*Publisher)(nil)

// Publisher is the bus as the outbox's relay sees it.
type Publisher struct {
	js          jetstream.JetStream
	reconnected <-chan struct{}
}

// NewPublisher makes the publisher of one relay. It lives as long as the connection.
func NewPublisher(c *Conn) *Publisher {
	reconnected, _ := c.reconnected()
	return &Publisher{js: c.js, reconnected: reconnected}
}

// Route implements outbox.Publisher.
func (p *Publisher) Route(subject string) (string, error) { return StreamOf(subject) }

// Place implements outbox.Publisher.
func (p *Publisher) Place(ctx context.Context, name string) (outbox.Place, error) {
	stream, err := p.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return outbox.Place{}, fmt.Errorf("%w: %s doesn't exist; run doorward streams apply", ErrStreams, name)
	}
	if err != nil {
		return outbox.Place{}, fmt.Errorf("bus: ask for stream %s: %w", name, err)
	}
	info := stream.CachedInfo()
	return outbox.Place{Stream: name, Created: info.Created, Last: info.State.LastSeq}, nil
}

// Publish implements outbox.Publisher.
func (p *Publisher) Publish(row outbox.Row, at outbox.Place) (outbox.Receipt, error) {
	if err := ValidRow(row); err != nil {
		return nil, err
	}
	future, err := p.js.PublishMsgAsync(message(row),
		jetstream.WithExpectStream(at.Stream),
		jetstream.WithExpectLastSequence(at.Last),
		// The relay tries again itself, after it has looked; a retry from below would come out of order.
		jetstream.WithRetryAttempts(0),
	)
	if err != nil {
		return nil, fmt.Errorf("bus: publish: %w", err)
	}
	return func(ctx context.Context) (outbox.Stored, error) {
		select {
		case ack := <-future.Ok():
			return outbox.Stored{Sequence: ack.Sequence, Duplicate: ack.Duplicate}, nil
		case err := <-future.Err():
			return outbox.Stored{}, publishError(err)
		case <-ctx.Done():
			return outbox.Stored{}, fmt.Errorf("bus: no acknowledgement: %w", context.Cause(ctx))
		}
	}, nil
}

// publishError tells a stream that moved from everything else.
func publishError(err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) &&
		(api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant) {
		return outbox.ErrMoved
	}
	return fmt.Errorf("bus: publish: %w", err)
}

// Reconnected implements outbox.Publisher.
func (p *Publisher) Reconnected() <-chan struct{} { return p.reconnected }
