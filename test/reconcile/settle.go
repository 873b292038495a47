package reconcile

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/doorward/doorward/test/load"
)

// Settling bounds how long what is on its way may take to arrive: an alert that failed thrice waits for minutes.
const Settling = 6 * time.Minute

// Settle compares again and again, until nothing is missing or what is missing isn't coming. The load has ended.
func Settle(t testing.TB, suite Suite, g *load.Generator, interrupted Interrupted) (Faults, Figures) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Settling+time.Minute)
	defer cancel()
	faults, figures, err := settle(ctx, t.Logf, suite, g, interrupted)
	if err != nil {
		t.Fatal(err)
	}
	return faults, figures
}

func settle(ctx context.Context, say func(string, ...any), suite Suite, g *load.Generator, interrupted Interrupted) (Faults, Figures, error) {
	began := time.Now()
	evidence, err := Gather(ctx, suite, g.Ledger, interrupted)
	if err != nil {
		return nil, Figures{}, err
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for awaited := 0; ; {
		// The deliveries before the mails: what was accepted has arrived.
		if err := evidence.Follow(ctx); err != nil {
			return nil, Figures{}, err
		}
		if err := g.Collect(ctx); err != nil {
			return nil, Figures{}, err
		}
		faults, figures := evidence.Compare(g.Mails())
		if !faults.Wait() || time.Since(began) > Settling {
			say("settled after %v", time.Since(began).Round(time.Second))
			return faults, figures, nil
		}
		if len(faults) != awaited {
			awaited = len(faults)
			say("%d things aren't as they should be yet, such as: %s", awaited, faults[0].Text)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return faults, figures, fmt.Errorf("reconcile: %w", context.Cause(ctx))
		}
	}
}
