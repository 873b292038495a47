package quota_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
		b.Used = append(b.Used, quota.Use{At: minute(m), Times: 1})
	}
	return b
}

func minute(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }

func TestFree(t *testing.T) {
	for name, c := range map[string]struct {
		budget  quota.Budget
		limit   quota.Limit
		at      int
		ok      bool
		retryIn time.Duration
	}{
		"a full budget":                             {used(), limit, 0, true, 0},
		"the last one":                              {used(0, 1), limit, 2, true, 0},
		"one too many":                              {used(0, 1, 2), limit, 10, false, 50 * time.Minute},
		"on the last moment of the window":          {used(0, 1, 2), limit, 59, false, time.Minute},
		"when the oldest has left the window":       {used(0, 1, 2), limit, 60, true, 0},
		"after the limit was lowered":               {used(0, 10, 20, 30, 40), limit, 45, false, 35 * time.Minute},
		"after the window was shortened":            {used(0, 1, 2), quota.Limit{Uses: 3, Window: time.Minute}, 10, true, 0},
		"some of many at one moment":                {quota.Budget{Used: []quota.Use{{At: minute(0), Times: 5}}}, limit, 10, false, 50 * time.Minute},
		"a limit of none":                           {used(), quota.Limit{Window: time.Hour}, 0, false, time.Hour},
		"a limit below none":                        {used(1), quota.Limit{Uses: -1, Window: time.Hour}, 2, false, time.Hour},
		"no limit at all, which takes nothing":      {used(), quota.Limit{}, 0, false, 0},
		"after the clock was an hour fast":          {used(60, 60, 60), limit, 0, true, 0},
		"while another's clock is half a minute so": {quota.Budget{Used: []quota.Use{{At: noon.Add(30 * time.Second), Times: 3}}}, limit, 0, false, time.Hour + 30*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			retryIn, ok := c.budget.Free(c.limit, minute(c.at))
			if ok != c.ok || retryIn != c.retryIn {
				t.Errorf("Free = %v, %t; want %v, %t", retryIn, ok, c.retryIn, c.ok)
			}
		})
	}
}

func TestTake(t *testing.T) {
	slotted := quota.Limit{Uses: 100, Window: 2 * time.Hour, Slot: time.Hour}
	for name, c := range map[string]struct {
		limit quota.Limit
		at    []int
		want  []quota.Use
	}{
		"keeps each use":                   {limit, []int{0, 0, 1}, []quota.Use{{At: minute(0), Times: 1}, {At: minute(0), Times: 1}, {At: minute(1), Times: 1}}},
		"forgets what has left the window": {limit, []int{0, 30, 60}, []quota.Use{{At: minute(30), Times: 1}, {At: minute(60), Times: 1}}},
		"keeps one number for each slot":   {slotted, []int{0, 10, 59, 60, 100}, []quota.Use{{At: minute(60), Times: 3}, {At: minute(120), Times: 2}}},
		"forgets a slot as a whole":        {slotted, []int{0, 10, 60, 180}, []quota.Use{{At: minute(120), Times: 1}, {At: minute(240), Times: 1}}},
		"forgets a clock that was fast":    {limit, []int{600, 0}, []quota.Use{{At: minute(0), Times: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			var b quota.Budget
			for _, m := range c.at {
				b.Take(c.limit, minute(m))
			}
			if diff := cmp.Diff(c.want, b.Used); diff != "" {
				t.Errorf("used (-want +got):\n%s", diff)
			}
		})
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
		limit := quota.Limit{
			Uses:   rapid.IntRange(1, 6).Draw(t, "uses"),
			Window: time.Hour,
			Slot:   time.Duration(rapid.SampledFrom([]int{0, 7, 15}).Draw(t, "slot")) * time.Minute,
		}
		var b quota.Budget
		var taken []time.Time
		now := noon
		for range rapid.IntRange(1, 60).Draw(t, "tries") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "minutes")) * time.Minute)
			retryIn, ok := b.Use(limit, now)
			if !ok {
				if retryIn <= 0 || retryIn > limit.Window+limit.Slot {
					t.Fatalf("refused with %v to wait", retryIn)
				}
				if _, ok := b.Free(limit, now.Add(retryIn)); !ok {
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
