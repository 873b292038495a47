package access

import (
	"context"
	"errors"
	"log/slog"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// DefaultMaxBuckets bounds how many (method, caller) pairs are paced one by one: about 15 MB.
const DefaultMaxBuckets = 100_000

// GuardConfig is what a Guard needs.
type GuardConfig struct {
	Table  Table
	Logger *slog.Logger
	// Now is the clock of the limits.
	Now func() time.Time
	// MaxBuckets bounds the limiter's memory; zero means DefaultMaxBuckets.
	MaxBuckets int
}

// Guard applies a table to calls. It is safe for concurrent use and starts no goroutine.
type Guard struct {
	table   Table
	logger  *slog.Logger
	limiter *limiter
}

// NewGuard refuses a table with incomplete rows.
func NewGuard(cfg GuardConfig) (*Guard, error) {
	if cfg.Logger == nil || cfg.Now == nil {
		return nil, errors.New("access: a guard needs a logger and a clock")
	}
	if err := cfg.Table.Validate(); err != nil {
		return nil, err
	}
	if cfg.MaxBuckets <= 0 {
		cfg.MaxBuckets = DefaultMaxBuckets
	}
	return &Guard{
		table:   cfg.Table,
		logger:  cfg.Logger,
		limiter: newLimiter(cfg.MaxBuckets, cfg.Now),
	}, nil
}

// Rule gives the row of method, before anybody has spent a look-up on finding out
// who calls. A missing row is a mistake of ours, so it is logged as an error.
func (g *Guard) Rule(ctx context.Context, method string) (Rule, error) {
	r, err := g.table.Rule(method)
	if err != nil {
		g.logger.LogAttrs(ctx, slog.LevelError, "method without an access row was called",
			slog.String("method", method))
	}
	return r, err
}

// Admit checks p against the row of method and takes the call out of p's limit.
func (g *Guard) Admit(ctx context.Context, method string, p Principal) error {
	r, err := g.Rule(ctx, method)
	if err != nil {
		return err
	}
	return g.Judge(method, r, p)
}

// Judge is Admit for a caller of Rule, which has the row already.
func (g *Guard) Judge(method string, r Rule, p Principal) error {
	if err := r.check(p); err != nil {
		return err
	}
	if r.Limit.state != limitRate {
		return nil
	}
	if wait, ok := g.limiter.allow(method, p, r.Limit); !ok {
		return fault.New(fault.Exhausted, typev1.Reason_REASON_RATE_LIMITED,
			"You call this method more often than you may. Wait as RetryInfo says.").
			RetryIn(wait)
	}
	return nil
}
