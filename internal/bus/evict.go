package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// evict removes the consumers of a stream that nobody of ours makes: those that deliver by themselves, which can be made to write into the streams and
// go on when their maker has left, and those that may outlive their reader for longer than the stream allows now, which would keep it from being
// declared so. A reader of ours whose consumer is gone makes another.
func evict(ctx context.Context, js jetstream.JetStream, s Stream) error {
	if s.Readers == 0 {
		return nil
	}
	stream, err := js.Stream(ctx, s.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("bus: ask for stream %s: %w", s.Name, err)
	}
	consumers := stream.ListConsumers(ctx)
	var foreign []string
	for info := range consumers.Info() {
		if info.Config.DeliverSubject != "" || s.Idle > 0 && info.Config.InactiveThreshold > s.Idle {
			foreign = append(foreign, info.Name)
		}
	}
	if err := consumers.Err(); err != nil {
		return fmt.Errorf("bus: list the consumers of %s, which the operator may by this version's nats.conf: %w", s.Name, err)
	}
	for _, name := range foreign {
		if err := stream.DeleteConsumer(ctx, name); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			return fmt.Errorf("bus: remove a consumer of %s: %w", s.Name, err)
		}
	}
	return nil
}
