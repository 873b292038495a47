package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/verify"
	"github.com/doorward/doorward/services/risk"
)

// Rates are how many operations of each kind begin in a second; 0 is none.
type Rates map[Kind]float64

// Config says whom to load, and how much. The first three fields must be set.
type Config struct {
	// Environment is what an application needs, as the env file of `doorward dev` has it.
	Environment map[string]string
	// Operator revokes sessions.
	Operator authnv1.SessionServiceClient
	Rates    Rates

	// Places are the addresses that people come from: each person keeps one. One in each of many countries when empty.
	Places []netip.Addr
	// Workers are how many operations run at once; DefaultWorkers when 0. One that would be too many isn't begun.
	Workers int
	// People are how many take part at once; DefaultPeople when 0. Beyond them, who is new replaces who was first; the ledger keeps all.
	People int
	// BetweenCodes is more than what authn's policy has to lie between two codes to one address; DefaultBetweenCodes when 0.
	BetweenCodes time.Duration
	// Seed makes the choices, though not their timing, the same each time.
	Seed uint64
}

// What Config means by 0.
const (
	DefaultWorkers = 16
	DefaultPeople  = 200

	DefaultBetweenCodes = 35 * time.Second
)

// Generator makes the load.
type Generator struct {
	Ledger *Ledger

	cfg      Config
	client   *doorward.Client
	verifier *verify.Verifier
	postbox  *postbox
	people   *people
	random   *rand.Rand // Run's goroutine alone uses it
}

// New connects to the suite, which must be running. Close it after Run.
func New(ctx context.Context, cfg Config) (*Generator, error) {
	if cfg.Operator == nil || len(cfg.Rates) == 0 {
		return nil, errors.New("load: an operator and rates are needed")
	}
	if cfg.Workers == 0 {
		cfg.Workers = DefaultWorkers
	}
	if cfg.BetweenCodes == 0 {
		cfg.BetweenCodes = DefaultBetweenCodes
	}
	if cfg.People == 0 {
		cfg.People = DefaultPeople
	}
	if len(cfg.Places) == 0 {
		var err error
		if cfg.Places, err = findPlaces(); err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
	}
	client, verifier, err := connect(ctx, cfg.Environment)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	ledger := newLedger()
	return &Generator{
		Ledger:   ledger,
		cfg:      cfg,
		client:   client,
		verifier: verifier,
		postbox:  newPostbox(cfg.Environment["DOORWARD_INBOX"]),
		people:   newPeople(cfg.People, cfg.Seed),
		random:   rand.New(rand.NewPCG(cfg.Seed, 0)),
	}, nil
}

// countries are where people come from, each from one address and for good. There are many, because risk challenges an address from which many
// sign-ins come to nothing, as they do while authn is killed.
var countries = []string{
	"AR", "AT", "AU", "BE", "BR", "CA", "CH", "CL", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "GR", "IE", "IN", "IT", "JP", "KR", "MX", "NL", "NO",
	"NZ", "PL", "PT", "RO", "SE", "SG", "TR", "US", "ZA",
}

func findPlaces() ([]netip.Addr, error) {
	var places []netip.Addr
	for _, country := range countries {
		place, _, err := risk.SampleAddress(country)
		if err != nil {
			return nil, err
		}
		places = append(places, place)
	}
	return places, nil
}

// connect makes an application's client, and a verifier that lets nobody in whom it can't judge.
func connect(ctx context.Context, env map[string]string) (*doorward.Client, *verify.Verifier, error) {
	client, err := doorward.New(doorward.Config{
		Address: env["DOORWARD_ADDRESS"], APIKey: doorward.SecretOf(env["DOORWARD_API_KEY"]), CAFile: env["DOORWARD_CA"],
		ServerName: env["DOORWARD_SERVER_NAME"], Timeout: callTimeout, SolveChallenges: true,
	})
	if err != nil {
		return nil, nil, err
	}
	source, err := verify.NATS(verify.NATSConfig{URL: env["DOORWARD_NATS_URL"], SeedFile: env["DOORWARD_NATS_SEED"]})
	if err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	verifier, err := verify.New(ctx, verify.Config{
		Issuer: env["DOORWARD_ISSUER"], Audience: env["DOORWARD_AUDIENCE"], Authn: client.Conn(), Revocations: source, OnStale: verify.Closed,
	})
	if err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return client, verifier, nil
}

// Client is the application's.
func (g *Generator) Client() *doorward.Client { return g.client }

// Close ends the connections.
func (g *Generator) Close() error {
	return errors.Join(g.verifier.Close(), g.client.Close())
}
