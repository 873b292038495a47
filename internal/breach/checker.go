package breach

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/secret"
)

// Corpus is a set of breached passwords that may also hold a few that aren't. Its errors hold no part of a hash.
type Corpus interface {
	Contains(h Hash) (bool, error)
}

// Range says how often a password was seen in breaches; 0 when it wasn't. It keeps its own deadline. Its errors hold no part of a hash.
type Range interface {
	Count(ctx context.Context, h Hash) (int, error)
	// Ready says whether it answers. It learns of no password by that.
	Ready(ctx context.Context) error
}

// Config is what a Checker needs.
type Config struct {
	// Corpus is needed by the modes that ask it, and may be nil. Whoever opened it closes it, after the last check.
	Corpus Corpus
	// Range is needed by the modes that ask it, and may be nil.
	Range Range
	// MinCount is how often the range API must have seen a password for it to be breached. At least 1.
	MinCount int

	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// logEvery is how often a failing source is logged at most; every failure is counted.
const logEvery = time.Minute

// Checker asks the sources. It is safe for concurrent use.
type Checker struct {
	config  Config
	metrics *metrics

	mu     sync.Mutex
	logged map[Source]time.Time
}

// The sources that a mode may need and a checker may not have.
var (
	ErrNoCorpus = errors.New("breach: there is no corpus to ask")
	ErrNoRange  = errors.New("breach: there is no range API to ask")
)

// New makes a checker and registers its metrics.
func New(c Config) (*Checker, error) {
	switch {
	case c.MinCount < 1:
		return nil, fmt.Errorf("breach: the minimum count is %d: give 1 or more", c.MinCount)
	case c.Now == nil || c.Logger == nil || c.Registerer == nil:
		return nil, errors.New("breach: a clock, a logger and a metrics registerer are needed")
	}
	m, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, err
	}
	return &Checker{config: c, metrics: m, logged: map[Source]time.Time{}}, nil
}

// Missing says which sources a mode asks that the checker wasn't given. A mode that isn't known asks none: ParseMode refuses it.
func (c *Checker) Missing(m Mode) error {
	var errs []error
	if m.asksCorpus() && c.config.Corpus == nil {
		errs = append(errs, ErrNoCorpus)
	}
	if m.asksRange() && c.config.Range == nil {
		errs = append(errs, ErrNoRange)
	}
	return errors.Join(errs...)
}

// Check says what is known of a password, by the sources of a mode. One that is missing has failed.
func (c *Checker) Check(ctx context.Context, m Mode, password secret.Text) Result {
	if m == Off {
		return Result{Verdict: Clean}
	}
	r := c.ask(ctx, m, password)
	c.metrics.checks.WithLabelValues(r.Source.String(), r.Verdict.String()).Inc()
	return r
}

// Ready says why Check couldn't tell of a password just now; nil when all whose failure leaves one Unknown answer. What it says of right passwords it says of
// all others too, so that it may be told to whoever gives one. The corpus is asked about the password, as nothing leaves the process by that; the range API
// isn't.
func (c *Checker) Ready(ctx context.Context, m Mode, password secret.Text) error {
	switch m {
	case Off, ListOnly:
		return nil
	case CorpusOnly, CorpusConfirmed:
		return c.askCorpus(ctx, HashOf(password)).Err
	case RangeOnly:
		if c.config.Range == nil {
			return c.failed(ctx, FromRange, ErrNoRange).Err
		}
		if err := c.config.Range.Ready(ctx); err != nil {
			return c.failed(ctx, FromRange, err).Err
		}
		return nil
	default:
		return unknownMode(m)
	}
}

func unknownMode(m Mode) error { return fmt.Errorf("breach: mode %q isn't known", m) }

func (c *Checker) ask(ctx context.Context, m Mode, password secret.Text) Result {
	if InList(password) {
		return Result{Verdict: Breached, Source: List}
	}
	hash := HashOf(password)
	switch m {
	case ListOnly:
		return Result{Verdict: Clean, Source: List}
	case CorpusOnly:
		return c.askCorpus(ctx, hash)
	case RangeOnly:
		return c.askRange(ctx, hash)
	case CorpusConfirmed:
		first := c.askCorpus(ctx, hash)
		if first.Verdict != Suspected {
			return first
		}
		confirmed := c.askRange(ctx, hash)
		if confirmed.Verdict == Unknown { // what the filter said stands
			first.Err = confirmed.Err
			return first
		}
		return confirmed
	default:
		return Result{Err: unknownMode(m)}
	}
}

func (c *Checker) askCorpus(ctx context.Context, hash Hash) Result {
	if c.config.Corpus == nil {
		return c.failed(ctx, FromCorpus, ErrNoCorpus)
	}
	r := Result{Verdict: Clean, Source: FromCorpus}
	hit, err := c.config.Corpus.Contains(hash)
	switch {
	case err != nil:
		return c.failed(ctx, FromCorpus, err)
	case hit:
		r.Verdict = Suspected
	}
	return r
}

func (c *Checker) askRange(ctx context.Context, hash Hash) Result {
	if c.config.Range == nil {
		return c.failed(ctx, FromRange, ErrNoRange)
	}
	count, err := c.config.Range.Count(ctx, hash)
	if err != nil {
		return c.failed(ctx, FromRange, err)
	}
	r := Result{Verdict: Clean, Source: FromRange, Count: count}
	if count >= c.config.MinCount {
		r.Verdict = Breached
	}
	return r
}

// failed counts a failure, and logs it unless the source has just been complained about. A caller who left says nothing about a source.
func (c *Checker) failed(ctx context.Context, s Source, err error) Result {
	if ctx.Err() != nil {
		return Result{Verdict: Unknown, Source: s, Err: err}
	}
	c.metrics.failures.WithLabelValues(s.String()).Inc()
	if c.tells(s) {
		c.config.Logger.WarnContext(ctx, "a source of breached passwords failed", slog.String("source", s.String()), slog.Any("error", err))
	}
	return Result{Verdict: Unknown, Source: s, Err: err}
}

func (c *Checker) tells(s Source) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.config.Now()
	if last, ok := c.logged[s]; ok && now.Sub(last) < logEvery {
		return false
	}
	c.logged[s] = now
	return true
}
