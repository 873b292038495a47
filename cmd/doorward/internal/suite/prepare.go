package suite

import (
	"context"
	"errors"
	"time"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/services/risk"
)

// prepare makes what a suite needs on disk, and leaves alone what is there.
func prepare(ctx context.Context, layout deployment.Layout, now func() time.Time) ([]bus.Identity, error) {
	identities, err := layout.Prepare(now())
	if err != nil {
		return nil, err
	}
	return identities, risk.Bootstrap(ctx, layout.Data(), now, allowUnknownCountry)
}

// allowUnknownCountry is the one thing in which a development suite's policy differs: on loopback every country is unknown, and every sign-in
// would need a second check.
func allowUnknownCountry(p *risk.Policy) { p.Caps.UnknownCountry = risk.Allow }

// applyStreams declares the streams at the embedded server, as the operator.
func applyStreams(ctx context.Context, cfg bus.Config) (err error) {
	conn, err := bus.Connect(ctx, cfg)
	if err != nil {
		return err
	}
	defer conn.Close()
	return bus.Apply(ctx, conn.JetStream(), 1)
}

// identityOf finds an identity by name.
func identityOf(identities []bus.Identity, name bus.Name) (bus.Identity, error) {
	for _, i := range identities {
		if i.Name == name {
			return i, nil
		}
	}
	return bus.Identity{}, errors.New("there is no identity for " + string(name))
}
