package authn

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/outbox"
)

// checkStreams compares the streams with what this version needs, once NATS can be asked. Whoever runs the deployment hears of a difference; sign-in
// goes on, and so does the relay, which succeeds as soon as the streams are right.
func (s *Service) checkStreams(ctx context.Context) error {
	if err := bus.AwaitStreams(ctx, s.bus); err != nil {
		s.deps.Logger.LogAttrs(ctx, slog.LevelError, "the streams aren't as this version needs them", slog.Any("error", err))
	}
	return nil
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
