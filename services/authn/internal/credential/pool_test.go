package credential

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/secret"
)

const cost = 25 * time.Millisecond

// slowKernel takes cost of the bubble's time and no time of the machine's.
func slowKernel(password, salt []byte, _ Params, size uint32) []byte {
	time.Sleep(cost)
	sum := sha256.Sum256(append(append([]byte{}, salt...), password...))
	return sum[:size]
}

// testPool is a pool of two workers on fake time, so three slots a lane and D = 100 ms.
func testPool(t *testing.T) (*Pool, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewRegistry()
	p, err := NewPool(Config{Params: quick, Workers: 2, Kernel: slowKernel, Cost: cost, Metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, registry
}

func begin(t *testing.T, p *Pool, l Lane) *Ticket {
	t.Helper()
	ticket, err := p.Begin(l)
	if err != nil {
		t.Fatalf("Begin(%v): %v", l, err)
	}
	return ticket
}

// metric is a counter or gauge of one lane, or of the pool where it has no lanes.
func metric(t *testing.T, r *prometheus.Registry, name string, l Lane) int {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if len(m.GetLabel()) == 0 || m.GetLabel()[0].GetValue() == l.String() {
				return int(m.GetCounter().GetValue() + m.GetGauge().GetValue())
			}
		}
	}
	t.Fatalf("no metric %s for lane %v", name, l)
	return 0
}

func TestAFailureAnswersAtTheDeadlineWhateverFailed(t *testing.T) {
	h := Hasher{params: quick, kernel: func(password, salt []byte, _ Params, size uint32) []byte {
		sum := sha256.Sum256(append(append([]byte{}, salt...), password...))
		return sum[:size]
	}}
	right := secret.Wrap("correct horse battery")
	phc := stored(t, h, right.Reveal())
	for name, check := range map[string]func(*testing.T, *Ticket){
		"wrong password": func(t *testing.T, ticket *Ticket) {
			if got, err := ticket.Verify(t.Context(), phc, secret.Wrap("wrong horse battery")); got.OK || err != nil {
				t.Errorf("Verify = %+v, %v", got, err)
			}
		},
		"no such user": func(t *testing.T, ticket *Ticket) {
			if got, err := ticket.Verify(t.Context(), PHC{}, right); got.OK || err != nil {
				t.Errorf("Verify = %+v, %v", got, err)
			}
		},
		"malformed in the store": func(t *testing.T, ticket *Ticket) {
			if _, err := ticket.Verify(t.Context(), WrapPHC("$2b$"), right); !errors.Is(err, ErrMalformed) {
				t.Errorf("err = %v, want ErrMalformed", err)
			}
		},
		"refused before the hash": func(*testing.T, *Ticket) {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _ := testPool(t)
				start := time.Now()
				ticket := begin(t, p, Stranger)
				defer ticket.Release()
				check(t, ticket)
				if err := ticket.AwaitDeadline(t.Context()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took != p.Deadline() || took != 4*cost {
					t.Errorf("answered after %v, want D = %v", took, p.Deadline())
				}
			})
		})
	}
}

func TestALateFailureAnswersAtAMultipleOfTheDeadline(t *testing.T) {
	for late, want := range map[time.Duration]time.Duration{
		0:                          4 * cost,
		4 * cost:                   4 * cost,
		4*cost + time.Nanosecond:   8 * cost,
		250 * time.Millisecond:     12 * cost,
		12*cost - time.Millisecond: 12 * cost,
	} {
		synctest.Test(t, func(t *testing.T) {
			p, _ := testPool(t)
			start := time.Now()
			ticket := begin(t, p, Stranger)
			time.Sleep(late)
			if err := ticket.AwaitDeadline(t.Context()); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took != want {
				t.Errorf("ready after %v: answered after %v, want %v", late, took, want)
			}
		})
	}
}

func TestTheRightPasswordIsNotKeptWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := testPool(t)
		right := secret.Wrap("correct horse battery")
		phc, err := begin(t, p, Known).Renew(t.Context(), right)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		got, err := begin(t, p, Known).Verify(t.Context(), phc, right)
		if err != nil || !got.OK {
			t.Errorf("Verify = %+v, %v", got, err)
		}
		if took := time.Since(start); took != cost {
			t.Errorf("took %v, want one hash", took)
		}
	})
}

func TestAllThatIsAdmittedFinishesByTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := testPool(t)
		var callers sync.WaitGroup
		for range 3 {
			for _, l := range []Lane{Stranger, Known} {
				ticket := begin(t, p, l)
				callers.Go(func() {
					start := time.Now()
					if _, err := ticket.Verify(t.Context(), PHC{}, secret.Text{}); err != nil {
						t.Error(err)
					}
					if took := time.Since(start); took > 3*cost {
						t.Errorf("%v lane: took %v, want at most three hashes", l, took)
					}
				})
			}
		}
		callers.Wait()
	})
}

func TestABurstIntoAFloodedPoolFinishesByTheDeadline(t *testing.T) {
	for _, flooded := range []Lane{Stranger, Known} {
		t.Run(flooded.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _ := testPool(t)
				ctx, end := context.WithTimeout(t.Context(), 10*cost)
				defer end()
				var flood sync.WaitGroup
				for range 3 { // as many as the lane has slots: each is taken again at once
					flood.Go(func() {
						for ctx.Err() == nil {
							_, _ = begin(t, p, flooded).Verify(t.Context(), PHC{}, secret.Text{})
						}
					})
				}
				time.Sleep(5*cost + time.Millisecond) // both workers have just begun a job of the flood
				var burst sync.WaitGroup
				for range 3 {
					ticket := begin(t, p, 1-flooded)
					burst.Go(func() {
						start := time.Now()
						_, _ = ticket.Verify(t.Context(), PHC{}, secret.Text{})
						if took := time.Since(start); took > p.Deadline() {
							t.Errorf("took %v, want at most D = %v", took, p.Deadline())
						}
					})
				}
				burst.Wait()
				flood.Wait()
			})
		})
	}
}

func TestAFullLaneRefusesAndSaysWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, registry := testPool(t)
		for range 3 {
			begin(t, p, Stranger)
		}
		_, err := p.Begin(Stranger)
		var busy *BusyError
		if !errors.As(err, &busy) || busy.RetryAfter != p.Deadline() {
			t.Errorf("err = %v, want a BusyError with RetryAfter %v", err, p.Deadline())
		}
		begin(t, p, Known)
		if got := metric(t, registry, "doorward_authn_password_refusals_total", Stranger); got != 1 {
			t.Errorf("%d refusals counted, want 1", got)
		}
		if got := metric(t, registry, "doorward_authn_password_slots_taken", Stranger); got != 3 {
			t.Errorf("%d slots taken, want 3", got)
		}
	})
}

func TestAFloodOfStrangersDoesNotStarveKnownDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, registry := testPool(t)
		ctx, end := context.WithTimeout(t.Context(), 10*time.Second)
		defer end()
		var flood sync.WaitGroup
		for range 100 {
			flood.Go(func() {
				for ctx.Err() == nil {
					ticket, err := p.Begin(Stranger)
					if err != nil {
						time.Sleep(cost)
						continue
					}
					_, _ = ticket.Verify(t.Context(), PHC{}, secret.Text{})
				}
			})
		}
		for i := range 100 {
			start := time.Now()
			ticket := begin(t, p, Known) // never refused
			if _, err := ticket.Verify(t.Context(), PHC{}, secret.Text{}); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > p.Deadline() {
				t.Errorf("sign-in %d took %v, want at most %v", i, took, p.Deadline())
			}
		}
		flood.Wait()
		// Nor does sharing cost anything: the two workers were never idle for long.
		hashes := metric(t, registry, "doorward_authn_password_hashes_total", Stranger) +
			metric(t, registry, "doorward_authn_password_hashes_total", Known)
		if most := 2 * int(10*time.Second/cost); hashes < most*95/100 {
			t.Errorf("%d hashes in 10 s, want at least 95 %% of %d", hashes, most)
		}
	})
}

func TestAnIdleLaneLeavesAllWorkersToTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := testPool(t)
		start := time.Now()
		var callers sync.WaitGroup
		for range 2 {
			ticket := begin(t, p, Stranger)
			callers.Go(func() { _, _ = ticket.Verify(t.Context(), PHC{}, secret.Text{}) })
		}
		callers.Wait()
		if took := time.Since(start); took != cost {
			t.Errorf("two hashes took %v, want both at once in %v", took, cost)
		}
	})
}

func TestAThousandGuessesComputeNoMoreHashesThanTheLaneAdmits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, registry := testPool(t)
		var refused atomic.Int32
		var guesses sync.WaitGroup
		ready := make(chan struct{})
		for range 1000 {
			guesses.Go(func() {
				<-ready
				ticket, err := p.Begin(Stranger)
				if err != nil {
					refused.Add(1)
					return
				}
				_, _ = ticket.Verify(t.Context(), PHC{}, secret.Text{})
			})
		}
		close(ready)
		guesses.Wait()
		hashes := metric(t, registry, "doorward_authn_password_hashes_total", Stranger)
		if hashes != 3 || refused.Load() != 997 {
			t.Errorf("%d hashes and %d refusals, want 3 and 997", hashes, refused.Load())
		}
	})
}

func TestALaneIsCrowdedPastHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := testPool(t)
		var tickets []*Ticket
		for taken, want := range []bool{false, false, true, true} { // of three slots
			if got := p.Crowded(Stranger); got != want {
				t.Errorf("%d taken: Crowded = %v, want %v", taken, got, want)
			}
			if taken < 3 {
				tickets = append(tickets, begin(t, p, Stranger))
			}
		}
		if p.Crowded(Known) {
			t.Error("strangers crowd the other lane")
		}
		for _, ticket := range tickets {
			ticket.Release()
		}
		if p.Crowded(Stranger) {
			t.Error("crowded after all have left")
		}
	})
}

func TestMetricsShowWhoHashesAndWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, registry := testPool(t)
		const queue, busy = "doorward_authn_password_queue", "doorward_authn_password_workers_busy"
		expect := func(when string, known, strangers, working int) {
			t.Helper()
			for what, want := range map[string][2]int{
				"known callers in the queue": {metric(t, registry, queue, Known), known},
				"strangers in the queue":     {metric(t, registry, queue, Stranger), strangers},
				"busy workers":               {metric(t, registry, busy, Known), working},
			} {
				if want[0] != want[1] {
					t.Errorf("%s: %d %s, want %d", when, want[0], what, want[1])
				}
			}
		}
		expect("idle", 0, 0, 0)
		var callers sync.WaitGroup
		for _, l := range []Lane{Known, Known, Known, Stranger} {
			ticket := begin(t, p, l)
			callers.Go(func() { _, _ = ticket.Verify(t.Context(), PHC{}, secret.Text{}) })
			synctest.Wait()
		}
		expect("two workers, four callers", 1, 1, 2)
		callers.Wait()
		synctest.Wait()
		expect("afterwards", 0, 0, 0)
		if workers, slots := metric(t, registry, "doorward_authn_password_workers", Known), metric(t, registry, "doorward_authn_password_slots", Known); workers != 2 || slots != 3 {
			t.Errorf("%d workers and %d slots a lane, want 2 and 3", workers, slots)
		}
	})
}

func TestCloseFinishesWhatIsBeingHashedAndAnswersTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := testPool(t)
		results := make(chan error, 3)
		for range 3 { // two are hashed, one is queued
			ticket := begin(t, p, Known)
			go func() { // ends with Close at the latest
				_, err := ticket.Verify(t.Context(), PHC{}, secret.Text{})
				results <- err
			}()
			synctest.Wait()
		}
		unused := begin(t, p, Stranger)
		p.Close()
		p.Close()
		var done, closed int
		for range 3 {
			switch err := <-results; {
			case err == nil:
				done++
			case errors.Is(err, ErrClosed):
				closed++
			}
		}
		if done != 2 || closed != 1 {
			t.Errorf("%d done and %d closed, want 2 and 1", done, closed)
		}
		if _, err := p.Begin(Known); !errors.Is(err, ErrClosed) {
			t.Errorf("Begin: %v, want ErrClosed", err)
		}
		if _, err := unused.Verify(t.Context(), PHC{}, secret.Text{}); !errors.Is(err, ErrClosed) {
			t.Errorf("Verify: %v, want ErrClosed", err)
		}
	})
}

func TestTheDeadlineIsAboveTheSlowestStoredForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		specimen := func(memoryKiB uint32) string {
			return form{params: Params{MemoryKiB: memoryKiB, Time: 1, Threads: 1}, salt: make([]byte, 16), key: make([]byte, 16)}.format().Reveal()
		}
		p, err := NewPool(Config{
			Params:  quick,
			Stored:  []string{specimen(16), specimen(12)},
			Workers: 2,
			Kernel: func(_, _ []byte, params Params, size uint32) []byte {
				time.Sleep(time.Duration(params.MemoryKiB) * time.Millisecond)
				return make([]byte, size)
			},
			Metrics: prometheus.NewRegistry(),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if want := 4 * 16 * time.Millisecond; p.Deadline() != want {
			t.Errorf("D = %v, want %v", p.Deadline(), want)
		}
		for _, expected := range []struct {
			specimens []string
			hash      time.Duration
		}{
			{[]string{specimen(10)}, 16 * time.Millisecond}, // D is never lowered: the slower ones are still stored
			{[]string{specimen(10), specimen(32)}, 32 * time.Millisecond},
			{nil, 32 * time.Millisecond},
		} {
			if err := p.Expect(expected.specimens); err != nil {
				t.Fatal(err)
			}
			if want := 4 * expected.hash; p.Deadline() != want {
				t.Errorf("D = %v, want %v", p.Deadline(), want)
			}
		}
		if err := p.Expect([]string{"$md5$"}); err == nil || p.Deadline() != 4*32*time.Millisecond {
			t.Errorf("a specimen that can't be read: %v, D = %v", err, p.Deadline())
		}
	})
}

func TestTheDeadlineIsAboveAForeignForm(t *testing.T) {
	const costly = "$pbkdf2-sha256$i=20000$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	p, err := NewPool(Config{Params: quick, Workers: 1, Stored: []string{costly}, Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	// With room for a busy machine: our own form alone would give a D of a hundredth of it.
	if took := measure(p.hasher, 1, WrapPHC(costly)); 4*p.Deadline() < took {
		t.Errorf("D = %v, and the form takes %v", p.Deadline(), took)
	}
}

func TestPoolOnTheMachine(t *testing.T) {
	p, err := NewPool(Config{Params: quick, Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	right := secret.Wrap("correct horse battery")
	phc, err := begin(t, p, Known).Renew(t.Context(), right)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := begin(t, p, Stranger).Verify(t.Context(), phc, right); err != nil || got != (Result{OK: true}) {
		t.Errorf("Verify = %+v, %v", got, err)
	}
}

func TestNewPoolRefusesAFaultyConfig(t *testing.T) {
	registry := prometheus.NewRegistry()
	for name, c := range map[string]Config{
		"no parameters":                 {Metrics: registry},
		"no registerer":                 {Params: quick, Cost: cost},
		"a specimen that can't be read": {Params: quick, Stored: []string{"$argon2id$"}, Metrics: registry},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewPool(c); err == nil {
				t.Error("no error")
			}
		})
	}
}
