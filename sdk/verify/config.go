package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"google.golang.org/grpc"

	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/internal/env"
)

// Choice is what to do when nobody can tell whether a session was revoked.
type Choice int

const (
	// Open admits a token that is good in every other way. Until it expires, a revoked session may go on.
	Open Choice = iota
	// Closed refuses it with REVOCATIONS_STALE.
	Closed
)

// Config is what a Verifier needs. The first four have no default.
type Config struct {
	// Issuer is the `iss` of the deployment's tokens. It is pinned here: a key set of another issuer is refused.
	Issuer string
	// Audience is this application's. A token for another application is refused.
	Audience string
	// Authn is the connection that keys are fetched over, and that is asked while the feed is stale: doorward.Client.Conn.
	Authn grpc.ClientConnInterface
	// Revocations is the revocation feed's source: see NATS.
	Revocations Source

	// MaxFeedAge is the age at which the feed counts as stale; 5 s when 0.
	MaxFeedAge time.Duration
	// OnStale is what to do when the feed is stale and authn doesn't answer either; Open when not set.
	OnStale Choice
	// MaxStreamAge is how long a stream may run on the token that it was opened with; 10 minutes when 0, an hour at most.
	MaxStreamAge time.Duration

	// CacheSize is how many checked tokens are remembered; 16,384 when 0, some 10 MB.
	CacheSize int
	// MaxRevoked is how many revoked sessions are kept; 100,000 when 0, some 10 MB. When it is full, the feed counts as
	// stale until what couldn't be kept may be forgotten.
	MaxRevoked int
	// MaxStreams is how many guarded streams may be open; 100,000 when 0. A further one is refused with OVERLOADED.
	MaxStreams int

	// Logger is told of refused tokens (why, and never the token) and of interruptions. Nobody is when nil.
	Logger *slog.Logger
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	c.MaxFeedAge = orElse(c.MaxFeedAge, 5*time.Second)
	c.MaxStreamAge = orElse(c.MaxStreamAge, 10*time.Minute)
	c.CacheSize = orElse(c.CacheSize, 16_384)
	c.MaxRevoked = orElse(c.MaxRevoked, 100_000)
	c.MaxStreams = orElse(c.MaxStreams, 100_000)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func orElse[T int | time.Duration](value, otherwise T) T {
	if value == 0 {
		return otherwise
	}
	return value
}

// validate reports all faults at once.
func (c Config) validate() error {
	var faults []error
	need := func(ok bool, fault string) {
		if !ok {
			faults = append(faults, errors.New("verify: "+fault))
		}
	}
	need(c.Issuer != "", "no issuer: set Config.Issuer to authn's")
	need(c.Audience != "", "no audience: set Config.Audience to this application's")
	need(c.Authn != nil, "no connection to authn: set Config.Authn to a doorward.Client's Conn")
	need(c.Revocations != nil, "no revocation feed: set Config.Revocations to verify.NATS(…)")
	need(c.MaxFeedAge > 0, "MaxFeedAge is negative")
	need(c.MaxStreamAge > 0 && c.MaxStreamAge <= time.Hour, "MaxStreamAge isn't between 0 and an hour")
	need(c.CacheSize > 0 && c.MaxRevoked > 0 && c.MaxStreams > 0, "a size is negative")
	need(c.OnStale == Open || c.OnStale == Closed, "OnStale is neither Open nor Closed")
	return errors.Join(faults...)
}

// FromEnv makes a Verifier from the environment: DOORWARD_ADDRESS, DOORWARD_API_KEY, DOORWARD_ISSUER, DOORWARD_AUDIENCE,
// DOORWARD_NATS_URL, DOORWARD_NATS_SEED (a path), and, if set, DOORWARD_CA, DOORWARD_SERVER_NAME, DOORWARD_NATS_CA and
// DOORWARD_NATS_SERVER_NAME.
// It reports all that are missing at once. Adjust may change the rest of the Config before it is used.
func FromEnv(ctx context.Context, adjust ...func(*Config)) (*Verifier, error) {
	var vars env.Reader
	client := doorward.Config{
		Address:    vars.Need("DOORWARD_ADDRESS"),
		APIKey:     doorward.SecretOf(vars.Need("DOORWARD_API_KEY")),
		CAFile:     os.Getenv("DOORWARD_CA"),
		ServerName: os.Getenv("DOORWARD_SERVER_NAME"),
	}
	config := Config{Issuer: vars.Need("DOORWARD_ISSUER"), Audience: vars.Need("DOORWARD_AUDIENCE")}
	feed := NATSConfig{
		URL:      vars.Need("DOORWARD_NATS_URL"),
		SeedFile: vars.Need("DOORWARD_NATS_SEED"),
		CAFile:   os.Getenv("DOORWARD_NATS_CA"),

		ServerName: os.Getenv("DOORWARD_NATS_SERVER_NAME"),
	}
	if err := vars.Err(); err != nil {
		return nil, err
	}
	source, err := NATS(feed)
	if err != nil {
		return nil, err
	}
	authn, err := doorward.New(client)
	if err != nil {
		return nil, err
	}
	config.Authn, config.Revocations = authn.Conn(), source
	for _, change := range adjust {
		change(&config)
	}
	verifier, err := New(ctx, config)
	if err != nil {
		return nil, errors.Join(err, authn.Close())
	}
	verifier.owned = authn
	return verifier, nil
}

// String names the choice.
func (c Choice) String() string {
	switch c {
	case Open:
		return "open"
	case Closed:
		return "closed"
	default:
		return fmt.Sprintf("Choice(%d)", int(c))
	}
}
