package lockout_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/authn/internal/lockout"
)

var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	limit = lockout.Limit{Failures: 3, Window: time.Hour}
)

// spent is a budget with failures at these minutes after noon.
func spent(minutes ...int) lockout.Budget {
	var b lockout.Budget
	for _, m := range minutes {
		b.Spent = append(b.Spent, lockout.Entry{ID: fmt.Sprint("answer ", m), At: minute(m)})
	}
	return b
}

func minute(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }

func TestReserve(t *testing.T) {
	for name, c := range map[string]struct {
		budget  lockout.Budget
		limit   lockout.Limit
		at      int
		ok      bool
		retryIn time.Duration
	}{
		"of a full budget":                      {spent(), limit, 0, true, 0},
		"the last one":                          {spent(0, 1), limit, 2, true, 0},
		"one too many":                          {spent(0, 1, 2), limit, 10, false, 50 * time.Minute},
		"on the last moment of the window":      {spent(0, 1, 2), limit, 59, false, time.Minute},
		"when the oldest has left the window":   {spent(0, 1, 2), limit, 60, true, 0},
		"after the limit was lowered":           {spent(0, 10, 20, 30, 40), limit, 45, false, 35 * time.Minute},
		"after the window was shortened":        {spent(0, 1, 2), lockout.Limit{Failures: 3, Window: time.Minute}, 10, true, 0},
		"of a limit of none":                    {spent(), lockout.Limit{Window: time.Hour}, 0, false, time.Hour},
		"of a limit of none, with failures":     {spent(1), lockout.Limit{Window: time.Hour}, 2, false, time.Hour},
		"of a limit below none":                 {spent(1), lockout.Limit{Failures: -1, Window: time.Hour}, 2, false, time.Hour},
		"of no limit at all, which lets nobody": {spent(), lockout.Limit{}, 0, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			retryIn, ok := c.budget.Reserve("answer", c.limit, minute(c.at))
			if ok != c.ok || retryIn != c.retryIn {
				t.Errorf("Reserve = %v, %t; want %v, %t", retryIn, ok, c.retryIn, c.ok)
			}
		})
	}
}

func TestARefusalSpendsNothing(t *testing.T) {
	b := spent(0, 1, 2)
	for range 10 {
		if _, ok := b.Reserve("answer", limit, minute(30)); ok {
			t.Fatal("admitted")
		}
	}
	if _, ok := b.Reserve("answer", limit, minute(60)); !ok {
		t.Error("refusals have lengthened the lockout")
	}
}

func TestSettle(t *testing.T) {
	for name, c := range map[string]struct {
		outcome lockout.Outcome
		left    int // how many more answers the budget takes
	}{
		"wrong leaves a failure":             {lockout.Wrong, 1},
		"right frees the whole budget":       {lockout.Right, 3},
		"unchecked takes it back":            {lockout.Unchecked, 2},
		"what isn't said is wrong":           {lockout.Outcome(0), 1},
		"what nobody knows is wrong as well": {lockout.Outcome(99), 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := spent(0)
			b.Reserve("answer", limit, minute(1))
			b.Settle("answer", c.outcome)
			left := 0
			for ; left < 10; left++ {
				if _, ok := b.Reserve(fmt.Sprint(left), limit, minute(2)); !ok {
					break
				}
			}
			if left != c.left {
				t.Errorf("%d answers left, want %d", left, c.left)
			}
		})
	}
}

func TestAReservationThatIsNeverSettledIsAFailure(t *testing.T) {
	var b lockout.Budget
	for i := range limit.Failures {
		b.Reserve(fmt.Sprint("lost ", i), limit, noon)
	}
	if _, ok := b.Reserve("answer", limit, minute(1)); ok {
		t.Error("answers that died with their process were forgotten")
	}
}

func TestTakingBackOneLeavesTheOthers(t *testing.T) {
	b := spent(0, 1)
	b.Settle("answer 0", lockout.Unchecked)
	b.Settle("never reserved", lockout.Unchecked)
	if len(b.Spent) != 1 || b.Spent[0].ID != "answer 1" {
		t.Errorf("left: %v", b.Spent)
	}
}

func TestEmptyAfter(t *testing.T) {
	full, used := spent(), spent(0, 10)
	if got := full.EmptyAfter(limit); !got.IsZero() {
		t.Errorf("a full budget is kept until %v", got)
	}
	if got := used.EmptyAfter(limit); !got.Equal(minute(70)) {
		t.Errorf("kept until %v, want %v", got, minute(70))
	}
}

// However many guess at once, and however their answers are settled: as long as none is right, no window has more guesses in it than
// the limit.
func TestNoWindowTakesMoreThanTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := lockout.Limit{Failures: rapid.IntRange(1, 6).Draw(t, "failures"), Window: time.Hour}
		var b lockout.Budget
		var checked []time.Time // when each answer that was looked at was reserved
		now := noon
		for i := range rapid.IntRange(1, 60).Draw(t, "answers") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "minutes")) * time.Minute)
			name := fmt.Sprint(i)
			retryIn, ok := b.Reserve(name, limit, now)
			if !ok {
				if retryIn <= 0 || retryIn > limit.Window {
					t.Fatalf("refused with %v to wait", retryIn)
				}
				again := lockout.Budget{Spent: append([]lockout.Entry(nil), b.Spent...)}
				if _, ok := again.Reserve(name, limit, now.Add(retryIn)); !ok {
					t.Fatalf("refused again after %v", retryIn)
				}
				continue
			}
			outcome := rapid.SampledFrom([]lockout.Outcome{lockout.Wrong, lockout.Unchecked}).Draw(t, "outcome")
			b.Settle(name, outcome)
			if outcome == lockout.Wrong {
				checked = append(checked, now)
			}
			if len(checked) > limit.Failures && checked[len(checked)-1-limit.Failures].Add(limit.Window).After(now) {
				t.Fatalf("more than %d answers within %v: %v", limit.Failures, limit.Window, checked)
			}
		}
	})
}

// The lock stands for the store's transaction, which is all that the budget needs around it.
func TestParallelReservationsNeverExceedTheLimit(t *testing.T) {
	const guesses = 1000
	limit := lockout.Limit{Failures: 10, Window: time.Hour}
	var b lockout.Budget
	var admitted int
	var transaction sync.Mutex
	var all sync.WaitGroup
	for i := range guesses {
		all.Go(func() {
			transaction.Lock()
			_, ok := b.Reserve(fmt.Sprint(i), limit, noon)
			if ok {
				admitted++
			}
			transaction.Unlock()
			if !ok {
				return
			}
			transaction.Lock()
			defer transaction.Unlock()
			b.Settle(fmt.Sprint(i), lockout.Wrong)
		})
	}
	all.Wait()
	if admitted != limit.Failures {
		t.Errorf("%d of %d guesses were admitted, want %d", admitted, guesses, limit.Failures)
	}
}
