package authn

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/outbox"
)

const (
	// checkEvery is how often the streams are looked at until NATS has answered once.
	checkEvery = time.Second
	// checkTimeout bounds one look.
	checkTimeout = 5 * time.Second
)

// checkStreams compares the streams with what this version needs, once NATS can be asked. Whoever runs the deployment hears of a difference; sign-in
// goes on, and so does the relay, which succeeds as soon as the streams are right.
func (s *Service) checkStreams(ctx context.Context) error {
	ticker := time.NewTicker(checkEvery)
	defer ticker.Stop()
	for {
		err := s.checkOnce(ctx)
		if errors.Is(err, bus.ErrStreams) {
			s.deps.Logger.LogAttrs(ctx, slog.LevelError, "the streams aren't as this version needs them", slog.Any("error", err))
		}
		if err == nil || errors.Is(err, bus.ErrStreams) {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Service) checkOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return bus.Check(ctx, s.bus.JetStream(), bus.Authn)
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
