package suite

import (
	"context"
	"errors"
	"log/slog"

	"github.com/doorward/doorward/internal/bus"
)

// ErrBusAway says that the streams couldn't be declared because the NATS server can't be reached.
var ErrBusAway = errors.New("NATS can't be reached")

// Bus is how everybody in the process reaches NATS.
type Bus struct {
	URL string
	// CA is the file with the CA of the server's certificate; empty for an embedded server on loopback.
	CA string
	// Seeds is the directory of the nkeys.
	Seeds string
}

// As is how one identity reaches it.
func (b Bus) As(name bus.Name) bus.Settings {
	return bus.Settings{URL: b.URL, Seed: bus.SeedFile(b.Seeds, name), CA: b.CA}
}

// DeclareStreams makes the streams, or brings those that are there in line, as the operator.
func (b Bus) DeclareStreams(ctx context.Context, replicas int, logger *slog.Logger) error {
	conn, err := b.As(bus.Operator).Connect(ctx, bus.Operator, logger)
	if err != nil {
		return err
	}
	defer conn.Close()
	if !conn.Connected() {
		return ErrBusAway
	}
	return bus.Apply(ctx, conn.JetStream(), replicas)
}
