package authn

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/breach/corpus"
	"github.com/doorward/doorward/internal/breach/pwned"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// breaches are the sources of breached passwords, and the checker that asks them.
type breaches struct {
	checker *breach.Checker
	corpus  *corpus.Corpus
	ranges  *pwned.Client
}

// minCount is how often the range API must have seen a password: NIST SP 800-63B-4 §3.1.1.2 compares with all that are known.
const minCount = 1

// openBreaches opens what the configuration names. A corpus that is named and can't be opened ends the start: to go on without it would let in what it
// was named to keep out.
func openBreaches(c Breach, deps Deps) (_ *breaches, err error) {
	b := &breaches{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	cfg := breach.Config{MinCount: minCount, Now: deps.Now, Logger: deps.Logger, Registerer: deps.Registerer}
	if c.Corpus != "" {
		if b.corpus, err = corpus.Open(c.Corpus); err != nil {
			return nil, fmt.Errorf("breach.corpus: %w", err)
		}
		cfg.Corpus = b.corpus
		tellCorpus(deps.Logger, b.corpus.Info(), c.Corpus)
	}
	if c.RangeHost != "" {
		if b.ranges, err = pwned.New(pwned.Config{Host: c.RangeHost, Now: deps.Now, Registerer: deps.Registerer}); err != nil {
			return nil, fmt.Errorf("breach.range_host: %w", err)
		}
		cfg.Range = b.ranges
	}
	b.checker, err = breach.New(cfg)
	return b, err
}

func tellCorpus(log *slog.Logger, info corpus.Info, file string) {
	log.Info("breach corpus is open",
		slog.String("file", file), slog.Uint64("hashes", info.Hashes), slog.Time("built", info.Built), slog.Uint64("min_count", info.MinCount))
}

// possible refuses a policy whose mode asks a source that isn't there.
func (b *breaches) possible(p tuning.Policy) error {
	missing := b.checker.Missing(p.BreachMode)
	var errs []error
	for _, need := range []struct {
		source error
		rule   string
	}{
		{breach.ErrNoCorpus, "needs a corpus: make one with doorward breach build, and name it in authn's configuration as breach.corpus"},
		{breach.ErrNoRange, "needs a range API: name one in authn's configuration as breach.range_host"},
	} {
		if errors.Is(missing, need.source) {
			errs = append(errs, &tuning.Fault{Field: "breach_mode", Value: fmt.Sprintf("%q", p.BreachMode), Rule: need.rule})
		}
	}
	return errors.Join(errs...)
}

// Close lets go of the sources. Call it after the last check.
func (b *breaches) Close() error {
	if b.ranges != nil {
		b.ranges.Close()
	}
	if b.corpus != nil {
		return b.corpus.Close()
	}
	return nil
}
