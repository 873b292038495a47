package quota_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/authn/internal/quota"
)

var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	limit = quota.Limit{Uses: 3, Window: time.Hour}
)

// used is a budget with uses at these minutes after noon.
func used(minutes ...int) quota.Budget {
	var b quota.Budget
	for _, m := range minutes {
		b.Used = append(b.Used, minute(m))
	}
	return b
}

func minute(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }

func TestUse(t *testing.T) {
	for name, c := range map[string]struct {
		budget  quota.Budget
		limit   quota.Limit
		at      int
		ok      bool
		retryIn time.Duration
	}{
		"of a full budget":                      {used(), limit, 0, true, 0},
		"the last one":                          {used(0, 1), limit, 2, true, 0},
		"one too many":                          {used(0, 1, 2), limit, 10, false, 50 * time.Minute},
		"on the last moment of the window":      {used(0, 1, 2), limit, 59, false, time.Minute},
		"when the oldest has left the window":   {used(0, 1, 2), limit, 60, true, 0},
		"after the limit was lowered":           {used(0, 10, 20, 30, 40), limit, 45, false, 35 * time.Minute},
		"after the window was shortened":        {used(0, 1, 2), quota.Limit{Uses: 3, Window: time.Minute}, 10, true, 0},
		"of a limit of none":                    {used(), quota.Limit{Window: time.Hour}, 0, false, time.Hour},
		"of a limit below none":                 {used(1), quota.Limit{Uses: -1, Window: time.Hour}, 2, false, time.Hour},
		"of no limit at all, which lets nobody": {used(), quota.Limit{}, 0, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			retryIn, ok := c.budget.Use(c.limit, minute(c.at))
			if ok != c.ok || retryIn != c.retryIn {
				t.Errorf("Use = %v, %t; want %v, %t", retryIn, ok, c.retryIn, c.ok)
			}
		})
	}
}

func TestARefusalUsesNothing(t *testing.T) {
	b := used(0, 1, 2)
	for range 10 {
		if _, ok := b.Use(limit, minute(30)); ok {
			t.Fatal("admitted")
		}
	}
	if _, ok := b.Use(limit, minute(60)); !ok {
		t.Error("refusals have lengthened the wait")
	}
}

func TestEmptyAfter(t *testing.T) {
	full, some := used(), used(0, 10)
	if got := full.EmptyAfter(limit); !got.IsZero() {
		t.Errorf("a full budget is kept until %v", got)
	}
	if got := some.EmptyAfter(limit); !got.Equal(minute(70)) {
		t.Errorf("kept until %v, want %v", got, minute(70))
	}
}

func TestNoWindowTakesMoreThanTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := quota.Limit{Uses: rapid.IntRange(1, 6).Draw(t, "uses"), Window: time.Hour}
		var b quota.Budget
		var taken []time.Time
		now := noon
		for range rapid.IntRange(1, 60).Draw(t, "tries") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "minutes")) * time.Minute)
			retryIn, ok := b.Use(limit, now)
			if !ok {
				if retryIn <= 0 || retryIn > limit.Window {
					t.Fatalf("refused with %v to wait", retryIn)
				}
				again := quota.Budget{Used: append([]time.Time(nil), b.Used...)}
				if _, ok := again.Use(limit, now.Add(retryIn)); !ok {
					t.Fatalf("refused again after %v", retryIn)
				}
				continue
			}
			taken = append(taken, now)
			if len(taken) > limit.Uses && taken[len(taken)-1-limit.Uses].Add(limit.Window).After(now) {
				t.Fatalf("more than %d uses within %v: %v", limit.Uses, limit.Window, taken)
			}
		}
	})
}
