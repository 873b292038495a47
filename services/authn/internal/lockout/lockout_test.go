package lockout_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/authn/internal/lockout"
)

var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rules = lockout.Rules{WaitFrom: 5, FirstWait: time.Minute, LockAt: 10, Lock: time.Hour, Decay: 24 * time.Hour}
)

// guesser tries against one record, as fast as it is let.
type guesser struct {
	lockout.Record
	now   time.Time
	tries int
}

// try waits as it is told, and settles one more try; false when no time helps.
func (g *guesser) try(t testing.TB, who lockout.Who, outcome lockout.Outcome) bool {
	t.Helper()
	verdict := g.reserve(who)
	if !verdict.Admitted && verdict.RetryIn > 0 {
		g.now = g.now.Add(verdict.RetryIn)
		if verdict = g.reserve(who); !verdict.Admitted {
			t.Fatalf("refused again after the wait: %+v", verdict)
		}
	}
	if verdict.Admitted {
		g.Settle(fmt.Sprint(g.tries), outcome)
	}
	return verdict.Admitted
}

func (g *guesser) reserve(who lockout.Who) lockout.Verdict {
	g.tries++
	return g.Reserve(fmt.Sprint(g.tries), who, rules, g.now)
}

// fail makes failures, with their waits.
func (g *guesser) fail(t testing.TB, who lockout.Who, times int) {
	t.Helper()
	for i := range times {
		if !g.try(t, who, lockout.Wrong) {
			t.Fatalf("failure %d was refused for good", i+1)
		}
	}
}

func start() *guesser { return &guesser{now: noon} }

func TestTheFirstFailuresCostNoWaitAndTheNextEverMore(t *testing.T) {
	g := start()
	for failures, want := range []time.Duration{0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 60, 60} {
		before := g.now
		g.fail(t, lockout.Strangers, 1)
		if waited := g.now.Sub(before); waited != want*time.Minute {
			t.Errorf("after %d failures the wait was %v, want %v", failures, waited, want*time.Minute)
		}
	}
}

func TestTheLongestWait(t *testing.T) {
	if strangers, known := rules.Longest(lockout.Strangers), rules.Longest(lockout.Known); strangers != time.Hour || known != 16*time.Minute {
		t.Errorf("strangers wait for %v at most, known devices for %v; want 1h and 16m", strangers, known)
	}
}

func TestStrangersFailuresDontKeepAKnownDeviceWaiting(t *testing.T) {
	g := start()
	g.fail(t, lockout.Strangers, 20)
	if verdict := g.reserve(lockout.Known); !verdict.Admitted {
		t.Errorf("a known device is refused: %+v", verdict)
	}
	if verdict := g.reserve(lockout.Strangers); verdict.Admitted {
		t.Error("a stranger is admitted")
	}
}

func TestStrangersLeaveTenOfNISTsHundredForKnownDevices(t *testing.T) {
	g := start()
	g.fail(t, lockout.Strangers, 90)
	g.now = g.now.Add(29 * 24 * time.Hour)
	if verdict := g.reserve(lockout.Strangers); verdict.Admitted || verdict.RetryIn != 0 {
		t.Errorf("the 91st: %+v, want a refusal that no time lifts", verdict)
	}
	g.fail(t, lockout.Known, 10)
	if g.try(t, lockout.Known, lockout.Wrong) {
		t.Error("the 101st is admitted")
	}
	g.Unlock()
	g.fail(t, lockout.Strangers, 1)
}

func TestWithoutStrangersKnownDevicesHaveAllOfNISTsHundred(t *testing.T) {
	g := start()
	g.fail(t, lockout.Known, 100)
	if g.try(t, lockout.Known, lockout.Wrong) {
		t.Error("the 101st is admitted")
	}
}

func TestARightAnswerEndsTheRow(t *testing.T) {
	g := start()
	g.fail(t, lockout.Strangers, 90)
	g.try(t, lockout.Known, lockout.Right)
	if g.IsClean() {
		t.Fatal("strangers' waits are forgotten because the owner signed in")
	}
	before := g.now
	g.fail(t, lockout.Strangers, 2)
	if waited := g.now.Sub(before); waited != 2*time.Hour {
		t.Errorf("two more guesses after the owner's sign-in took %v, want their waits of an hour each", waited)
	}
	g.try(t, lockout.Strangers, lockout.Right)
	if !g.IsClean() {
		t.Errorf("left after the right answer: %+v", g.Record)
	}
}

func TestAQuietTimeEndsTheWaitsButNotTheRow(t *testing.T) {
	g := start()
	g.fail(t, lockout.Strangers, 89)
	g.now = g.now.Add(rules.Decay)
	before := g.now
	g.fail(t, lockout.Strangers, 1)
	if !g.now.Equal(before) {
		t.Errorf("waited %v after a quiet day", g.now.Sub(before))
	}
	if g.try(t, lockout.Strangers, lockout.Wrong) {
		t.Error("the 91st is admitted")
	}
}

func TestAQuietTimeEndsNoLockBeforeItsTime(t *testing.T) {
	long := rules
	long.Lock = 7 * 24 * time.Hour
	r := lockout.Record{}
	r.Rows[lockout.Strangers] = lockout.Row{Failures: 10, Paced: 10, Last: noon}
	later := noon.Add(rules.Decay + time.Hour)
	if verdict := r.Reserve("stranger", lockout.Strangers, long, later); verdict.Admitted || verdict.RetryIn != long.Lock-later.Sub(noon) {
		t.Errorf("after %v: %+v, want the rest of the lock's %v", later.Sub(noon), verdict, long.Lock)
	}
	for i := range long.WaitFrom { // and then it begins anew
		if verdict := r.Reserve(fmt.Sprint(i), lockout.Strangers, long, noon.Add(long.Lock)); !verdict.Admitted {
			t.Errorf("try %d after the lock: %+v", i+1, verdict)
		}
	}
}

func TestALockForGoodIsStrangersAlone(t *testing.T) {
	forGood := rules
	forGood.Lock = 0
	var r lockout.Record
	now := noon
	for i := range 10 {
		verdict := r.Reserve(fmt.Sprint(i), lockout.Strangers, forGood, now)
		now = now.Add(verdict.RetryIn)
		if !verdict.Admitted {
			r.Reserve(fmt.Sprint(i), lockout.Strangers, forGood, now)
		}
		r.Settle(fmt.Sprint(i), lockout.Wrong)
	}
	for _, later := range []time.Duration{time.Hour, rules.Decay, 29 * 24 * time.Hour} {
		if verdict := r.Reserve("stranger", lockout.Strangers, forGood, now.Add(later)); verdict.Admitted || verdict.RetryIn != 0 {
			t.Errorf("%v after ten failures: %+v, want a refusal that no time lifts", later, verdict)
		}
	}
	if verdict := r.Reserve("owner", lockout.Known, forGood, now); !verdict.Admitted {
		t.Errorf("a known device is refused: %+v", verdict)
	}
}

func TestTheOwnersSignInEndsALockForGoodAndStrangersWaitOn(t *testing.T) {
	forGood := rules
	forGood.Lock = 0
	var r lockout.Record
	r.Rows[lockout.Strangers] = lockout.Row{Failures: 10, Paced: 10, Last: noon}
	r.Reserve("owner", lockout.Known, forGood, noon)
	r.Settle("owner", lockout.Right)
	if verdict := r.Reserve("stranger", lockout.Strangers, forGood, noon); verdict.Admitted || verdict.RetryIn != 32*time.Minute {
		t.Errorf("right after the owner: %+v, want a wait of 32 min", verdict)
	}
	if verdict := r.Reserve("stranger", lockout.Strangers, forGood, noon.Add(32*time.Minute)); !verdict.Admitted {
		t.Errorf("after that wait: %+v", verdict)
	}
}

func TestSettle(t *testing.T) {
	for name, c := range map[string]struct {
		outcome lockout.Outcome
		want    int // failures in the row of four
	}{
		"wrong adds to the row":              {lockout.Wrong, 4},
		"right ends it":                      {lockout.Right, 0},
		"unchecked takes it back":            {lockout.Unchecked, 3},
		"what nobody knows is wrong as well": {lockout.Outcome(99), 4},
	} {
		t.Run(name, func(t *testing.T) {
			g := start()
			g.fail(t, lockout.Strangers, 3)
			g.try(t, lockout.Strangers, c.outcome)
			g.Settle("never reserved", lockout.Right)
			if got := g.Rows[lockout.Strangers].Failures; got != c.want || len(g.Reserved) != 0 {
				t.Errorf("%d failures and %d reserved, want %d and none", got, len(g.Reserved), c.want)
			}
		})
	}
}

func TestReservedTriesCountAsFailures(t *testing.T) {
	g := start()
	admitted := 0
	for range 100 {
		if g.reserve(lockout.Strangers).Admitted {
			admitted++
		}
	}
	if admitted != rules.WaitFrom {
		t.Errorf("%d tries at once, want %d", admitted, rules.WaitFrom)
	}
}

func TestTheRowThatSetsTheWaitCanBeSeen(t *testing.T) {
	g := start()
	seen := func(want int) {
		t.Helper()
		if got := g.InRow(lockout.Strangers, rules, g.now); got != want {
			t.Errorf("%d in the row, want %d", got, want)
		}
	}
	seen(0)
	g.fail(t, lockout.Strangers, 3)
	g.fail(t, lockout.Known, 1)
	seen(3)
	g.reserve(lockout.Strangers) // as if it had failed
	seen(4)
	g.Settle(fmt.Sprint(g.tries), lockout.Unchecked)
	seen(3)
	g.now = g.now.Add(rules.Decay)
	seen(0)
}

func TestAReservationThatNobodySettlesIsAFailure(t *testing.T) {
	g := start()
	for range rules.WaitFrom {
		g.reserve(lockout.Strangers)
	}
	g.now = g.now.Add(2 * time.Minute)
	g.try(t, lockout.Strangers, lockout.Unchecked)
	if got := g.Rows[lockout.Strangers].Failures; got != rules.WaitFrom || len(g.Reserved) != 0 {
		t.Errorf("%d failures and %d reserved, want %d and none", got, len(g.Reserved), rules.WaitFrom)
	}
}

func TestNobodyWaitsForAFailureInTheFuture(t *testing.T) {
	g := start()
	g.now = noon.AddDate(1, 0, 0) // the clock is wrong
	g.fail(t, lockout.Strangers, 12)
	g.now = noon
	if verdict := g.reserve(lockout.Strangers); !verdict.Admitted {
		t.Errorf("refused after the clock was set right: %+v", verdict)
	}
	if verdict := g.reserve(lockout.Strangers); verdict.Admitted || verdict.RetryIn != time.Hour {
		t.Errorf("the next: %+v, want the wait of the row", verdict)
	}
}

func TestForgetAt(t *testing.T) {
	month := 30 * 24 * time.Hour
	for name, c := range map[string]struct {
		failures int
		want     time.Duration // after the last failure
	}{
		"a row that cost no wait is gone after the decay time": {4, rules.Decay},
		"one that did stays for a month":                       {5, month},
		"and so does a locked one":                             {11, month},
	} {
		t.Run(name, func(t *testing.T) {
			g := start()
			g.fail(t, lockout.Strangers, c.failures)
			if got := g.ForgetAt(rules).Sub(g.now); got != c.want {
				t.Errorf("forgotten %v after the last failure, want %v", got, c.want)
			}
		})
	}
	var clean lockout.Record
	if got := clean.ForgetAt(rules); !got.IsZero() {
		t.Errorf("a clean record is kept until %v", got)
	}
	g := start()
	g.reserve(lockout.Strangers)
	if got := g.ForgetAt(rules); !got.Equal(noon.Add(rules.Decay)) {
		t.Errorf("a reserved try is forgotten at %v", got)
	}
}

// Whatever strangers, the owner and lost processes do: a row never has more failures than NIST allows, strangers never more than their part, and a
// known device is never refused for what strangers did.
func TestWhateverHappensTheBoundsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r lockout.Record
		now := noon
		inRow := map[lockout.Who]int{}
		knownFailures := 0
		for i := range rapid.IntRange(1, 300).Draw(t, "tries") {
			now = now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "minutes")) * time.Minute)
			who := rapid.SampledFrom([]lockout.Who{lockout.Strangers, lockout.Strangers, lockout.Strangers, lockout.Known}).Draw(t, "who")
			outcomes := []lockout.Outcome{lockout.Wrong, lockout.Wrong, lockout.Wrong, lockout.Unchecked, lockout.Right}
			name := fmt.Sprint(i)
			verdict := r.Reserve(name, who, rules, now)
			if who == lockout.Known && knownFailures < rules.WaitFrom && !verdict.Admitted {
				t.Fatalf("a known device is refused with %d failures of its own: %+v", knownFailures, r)
			}
			if !verdict.Admitted {
				continue
			}
			outcome := rapid.SampledFrom(outcomes).Draw(t, "outcome")
			r.Settle(name, outcome)
			switch outcome {
			case lockout.Right:
				clear(inRow)
				if who == lockout.Known {
					knownFailures = 0
				}
			case lockout.Wrong:
				inRow[who]++
				if who == lockout.Known {
					knownFailures++
				}
			case lockout.Unchecked:
			}
			if inRow[lockout.Strangers] > 90 || inRow[lockout.Strangers]+inRow[lockout.Known] > 100 {
				t.Fatalf("in a row: %v", inRow)
			}
		}
	})
}

// No more than 4 + 1 + … guesses fit into a day, and then one an hour.
func TestADaysGuessesAreFew(t *testing.T) {
	g := start()
	end := noon.Add(24 * time.Hour)
	guesses := 0
	for g.now.Before(end) && guesses < math.MaxInt16 {
		g.fail(t, lockout.Strangers, 1)
		guesses++
	}
	if guesses > 34 {
		t.Errorf("%d guesses in a day", guesses)
	}
}

// The lock stands for the store's transaction, which is all that a record needs around it.
func TestParallelTriesNeverExceedWhatIsFree(t *testing.T) {
	var r lockout.Record
	var admitted int
	var transaction sync.Mutex
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			transaction.Lock()
			verdict := r.Reserve(fmt.Sprint(i), lockout.Strangers, rules, noon)
			if verdict.Admitted {
				admitted++
			}
			transaction.Unlock()
			if verdict.Admitted {
				transaction.Lock()
				r.Settle(fmt.Sprint(i), lockout.Wrong)
				transaction.Unlock()
			}
		})
	}
	all.Wait()
	if admitted != rules.WaitFrom {
		t.Errorf("%d admitted, want %d", admitted, rules.WaitFrom)
	}
}
