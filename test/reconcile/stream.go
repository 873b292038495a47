package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/bus"
)

// told is what the streams say, in their order.
type told struct {
	authn, revocations, notify []bus.Event
}

func (s Suite) streams(ctx context.Context) (t told, err error) {
	for _, read := range []struct {
		stream string
		as     bus.Name
		into   *[]bus.Event
	}{
		{bus.StreamAuthn, bus.Subscriber, &t.authn},
		{bus.StreamNotify, bus.Subscriber, &t.notify},
		{bus.StreamRevocations, bus.SDK, &t.revocations},
	} {
		if *read.into, err = s.read(ctx, read.stream, read.as); err != nil {
			return told{}, fmt.Errorf("reconcile: read %s: %w", read.stream, err)
		}
	}
	return t, nil
}

// read follows a stream from its beginning until everything that is in it has come.
func (s Suite) read(ctx context.Context, stream string, as bus.Name) ([]bus.Event, error) {
	conn, err := s.connect(ctx, as)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	metrics, err := bus.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		return nil, err
	}
	var events []bus.Event
	view, err := bus.NewView(conn, bus.FollowConfig{
		Stream:  stream,
		Load:    func(context.Context) (bus.Cursor, error) { return bus.Cursor{}, nil },
		Handle:  func(_ context.Context, e bus.Event, _ bus.Cursor) error { events = append(events, e); return nil },
		Logger:  slog.New(slog.DiscardHandler),
		Metrics: metrics,
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() { ran <- view.Run(ctx) }()
	select {
	case <-view.Ready():
	case <-ctx.Done():
	}
	complete := ctx.Err() == nil
	cancel()
	if err := <-ran; err != nil {
		return nil, err
	}
	if !complete {
		return nil, errors.New("its end didn't come in time")
	}
	return events, nil
}
