package pace_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/internal/pace"
)

var fiveInTen = pace.Rate{Uses: 5, Per: 10 * time.Second}

// clock stands still until it is told.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

func limiter(t testing.TB, slots int, c *clock) *pace.Limiter {
	t.Helper()
	l, err := pace.New(slots, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func account(key string) pace.Charge { return pace.Charge{Kind: "account", Key: key, Rate: fiveInTen} }

// taken is how many uses in a row are let through.
func taken(l *pace.Limiter, charges ...pace.Charge) int {
	for n := 0; ; n++ {
		if _, ok := l.Take(charges...); !ok || n == 1000 {
			return n
		}
	}
}

func TestAllUsesMayComeAtOnceAndThenEvenly(t *testing.T) {
	c := newClock()
	l := limiter(t, 64, c)
	if n := taken(l, account("ada")); n != 5 {
		t.Errorf("%d uses at once, want 5", n)
	}
	wait, _ := l.Take(account("ada"))
	if wait != 2*time.Second {
		t.Errorf("the next in %v, want 2s", wait)
	}
	c.advance(wait)
	if n := taken(l, account("ada")); n != 1 {
		t.Errorf("%d uses after the wait, want 1", n)
	}
	c.advance(time.Hour)
	if n := taken(l, account("ada")); n != 5 {
		t.Errorf("%d uses after a quiet hour, want 5", n)
	}
}

func TestNobodyWaitsForAClockThatWasSetBack(t *testing.T) {
	c := newClock()
	l := limiter(t, 64, c)
	c.advance(365 * 24 * time.Hour) // the clock is wrong
	taken(l, account("ada"))
	c.advance(-365 * 24 * time.Hour)
	if n := taken(l, account("ada")); n != 1 {
		t.Errorf("%d uses, want 1, as if all others had been used just now", n)
	}
	if wait, ok := l.Take(account("ada")); ok || wait != 2*time.Second {
		t.Errorf("taken: %t, the next in %v; want 2s", ok, wait)
	}
	c.advance(2 * time.Second)
	if _, ok := l.Take(account("ada")); !ok {
		t.Error("refused after the wait")
	}
}

// A caller may read the clock, be held up, and come after others who read it later: that frees nothing.
func TestACallerWhoWasHeldUpFindsNothingLeft(t *testing.T) {
	c := newClock()
	l := limiter(t, 64, c)
	taken(l, account("ada"))
	for range 10 {
		c.advance(-3 * time.Second)
		if _, ok := l.Take(account("ada")); ok {
			t.Fatal("taken beyond the rate")
		}
	}
}

func TestKeysAndKindsAreApart(t *testing.T) {
	l := limiter(t, 64, newClock())
	taken(l, account("ada"))
	for _, other := range []pace.Charge{account("bob"), {Kind: "network", Key: "ada", Rate: fiveInTen}, {Kind: "accoun", Key: "tada", Rate: fiveInTen}} {
		if n := taken(l, other); n != 5 {
			t.Errorf("%s %s has %d uses, want 5", other.Kind, other.Key, n)
		}
	}
}

func TestARateOfNoUsesDoesntLimit(t *testing.T) {
	l := limiter(t, 64, newClock())
	if n := taken(l, pace.Charge{Kind: "account", Key: "ada"}); n != 1000 {
		t.Errorf("%d uses", n)
	}
}

func TestWhatOneKeyRefusesIsChargedToNone(t *testing.T) {
	l := limiter(t, 64, newClock())
	network := pace.Charge{Kind: "network", Key: "192.0.2.1", Rate: pace.Rate{Uses: 7, Per: time.Second}}
	taken(l, account("ada"))
	for range 100 {
		if _, ok := l.Take(network, account("ada")); ok {
			t.Fatal("taken beyond the account's rate")
		}
	}
	if n := taken(l, network); n != 7 {
		t.Errorf("the network has %d uses left, want 7", n)
	}
}

func TestAnUnfitLimiterIsntMade(t *testing.T) {
	for name, make := range map[string]func() error{
		"no clock":       func() error { _, err := pace.New(64, nil); return err },
		"too few slots":  func() error { _, err := pace.New(63, time.Now); return err },
		"too many slots": func() error { _, err := pace.New(1<<26+1, time.Now); return err },
	} {
		if make() == nil {
			t.Errorf("%s: made", name)
		}
	}
}

// Ten million strangers come, once each. Memory stays what it was, and whoever is at a limit stays there.
func TestAFloodOfKeysCostsNoMemoryAndFreesNobody(t *testing.T) {
	keys := 10_000_000
	if testing.Short() || raceEnabled {
		keys /= 10
	}
	l := limiter(t, 1<<16, newClock())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	taken(l, account("guessed"))
	for i := range keys {
		l.Take(account(fmt.Sprint("stranger ", i)))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("%d keys; the limiter is %d KiB; the heap grew by %d KiB; %d keys pushed out", keys, l.Size()>>10,
		(int64(after.HeapAlloc)-int64(before.HeapAlloc))>>10, l.Pushed())
	if _, ok := l.Take(account("guessed")); ok {
		t.Error("who was at the limit is free again")
	}
	if l.Pushed() == 0 {
		t.Error("nobody was pushed out: the flood was no flood")
	}
}

// Whatever is asked when: no stretch of time takes more than its rate and the burst.
func TestNoStretchTakesMoreThanTheRateAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		l, err := pace.New(64, c.now)
		if err != nil {
			t.Fatal(err)
		}
		rate := pace.Rate{Uses: rapid.IntRange(1, 6).Draw(t, "uses"), Per: time.Minute}
		charge := pace.Charge{Kind: "k", Key: "x", Rate: rate}
		var admitted []time.Time
		for range rapid.IntRange(1, 80).Draw(t, "tries") {
			c.advance(time.Duration(rapid.IntRange(0, 30).Draw(t, "seconds")) * time.Second)
			wait, ok := l.Take(charge)
			if !ok {
				if wait <= 0 || wait > rate.Per {
					t.Fatalf("refused with %v to wait", wait)
				}
				continue
			}
			admitted = append(admitted, c.now())
		}
		// In any stretch of Per there are at most the burst and what has become free meanwhile.
		for i := range admitted {
			n := 0
			for _, at := range admitted[i:] {
				if at.Sub(admitted[i]) < rate.Per {
					n++
				}
			}
			if n > 2*rate.Uses-1 && rate.Uses > 1 || n > 2*rate.Uses {
				t.Fatalf("%d uses within %v at %d per %v", n, rate.Per, rate.Uses, rate.Per)
			}
		}
	})
}

func TestParallelUsesNeverExceedTheRate(t *testing.T) {
	l := limiter(t, 64, newClock())
	var admitted atomic.Int64
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			if _, ok := l.Take(account("ada")); ok {
				admitted.Add(1)
			}
		})
	}
	all.Wait()
	if admitted.Load() != 5 {
		t.Errorf("%d admitted, want 5", admitted.Load())
	}
}

// BenchmarkTake is a look-up among a million remembered keys, by two charges as a sign-in has. "map" is the same keys' moments in a plain map, read and
// written under a lock.
func BenchmarkTake(b *testing.B) {
	const keys = 1 << 20
	names := make([]string, keys)
	for i := range names {
		names[i] = fmt.Sprintf("user%d@example.org", i)
	}
	b.Run("pace", func(b *testing.B) {
		l, err := pace.New(keys, time.Now)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			r := rand.New(rand.NewPCG(1, rand.Uint64()))
			for p.Next() {
				l.Take(account(names[r.IntN(keys)]), pace.Charge{Kind: "network", Key: "192.0.2.1", Rate: pace.Rate{Uses: 1 << 30, Per: time.Second}})
			}
		})
	})
	b.Run("map", func(b *testing.B) {
		var mu sync.Mutex
		full := make(map[string]int64, keys)
		b.RunParallel(func(p *testing.PB) {
			r := rand.New(rand.NewPCG(1, rand.Uint64()))
			for p.Next() {
				for _, key := range []string{names[r.IntN(keys)], "192.0.2.1"} {
					now := time.Now().UnixNano()
					mu.Lock()
					full[key] = max(full[key], now) + 1
					mu.Unlock()
				}
			}
		})
	})
}
