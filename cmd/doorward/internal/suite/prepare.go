package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/services/risk"
)

// names are the identities that certificates are made for.
var names = []string{"authn", "risk", "notify", "portal", "operator"}

// prepare makes what a suite needs on disk, and leaves alone what is there.
func (l layout) prepare(ctx context.Context, now func() time.Time) ([]bus.Identity, error) {
	for _, dir := range []string{l.dir, l.keys(), l.mailKeys(), l.data()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make the suite's directory (another one: --dir): %w", err)
		}
	}
	if _, err := certs.Create(l.certs(), names, certs.Options{Now: now(), Development: true}); err != nil {
		return nil, err
	}
	if _, err := seal.CreateKey(l.mailKey()); err != nil {
		return nil, fmt.Errorf("make the key that mails are sealed to: %w", err)
	}
	if err := risk.Bootstrap(ctx, l.data(), now, allowUnknownCountry); err != nil {
		return nil, err
	}
	return bus.CreateIdentities(l.nats())
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
