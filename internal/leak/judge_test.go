package leak_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/leak"
)

const ok = "OK"

// answers are times as a network gives them: log-normal around a middle, one in fifty far out.
func answers(random *rand.Rand, n int, shift time.Duration) leak.Series {
	var s leak.Series
	for range n {
		took := 3e-3 * math.Exp(random.NormFloat64()/4)
		if random.IntN(50) == 0 {
			took *= 1 + 10*random.Float64()
		}
		s.Add(time.Duration(took*float64(time.Second))+shift, ok)
	}
	return s
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// strict has no tolerance, so that the tests alone decide.
var strict = leak.Criteria{Error: 0.05}

// quick draws no intervals.
var quick = leak.Criteria{Error: 0.01, Tolerance: 100 * time.Microsecond}

func TestARunWithNothingToFindRarelyCriesWolf(t *testing.T) {
	random := seeded(7)
	const runs = 200
	alarms := 0
	for range runs {
		var cells []leak.Cell
		for range 24 {
			cells = append(cells, leak.Cell{Known: answers(random, 60, 0), Unknown: answers(random, 90, 0)})
		}
		for _, f := range leak.Judge(cells, strict, random) {
			if f.Verdict.Leaks() {
				alarms++
				break
			}
		}
	}
	// 5 % of 200 are 10; the two tests of a cell go together, which makes it fewer.
	if alarms > 18 {
		t.Errorf("%d of %d runs had a false alarm, with an error of 5 %%", alarms, runs)
	}
	t.Logf("%d of %d runs had a false alarm, with an error of 5 %%", alarms, runs)
}

func TestAShiftIsFoundAmongMany(t *testing.T) {
	tests := map[string]struct {
		shift time.Duration
		n     int
	}{"a millisecond, 100 answers": {time.Millisecond, 100}, "20 ms, 16 answers": {20 * time.Millisecond, 16}}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			random, missed := seeded(3), 0
			const runs = 20
			for range runs {
				cells := []leak.Cell{{Known: answers(random, tt.n, tt.shift), Unknown: answers(random, tt.n, 0)}}
				for range 23 {
					cells = append(cells, leak.Cell{Known: answers(random, tt.n, 0), Unknown: answers(random, tt.n, 0)})
				}
				if leak.Judge(cells, quick, random)[0].Verdict != leak.TimeLeak {
					missed++
				}
			}
			if missed > 0 {
				t.Errorf("missed in %d of %d runs", missed, runs)
			}
		})
	}
}

// One known in six waits: the medians are the same, and the mean isn't.
func TestWhatShowsInTheTailAloneIsFound(t *testing.T) {
	random := seeded(5)
	known, unknown := answers(random, 300, 0), answers(random, 300, 0)
	for i := range known.Took {
		if i%6 == 0 {
			known.Took[i] += 20 * time.Millisecond
		}
	}
	f := leak.Judge([]leak.Cell{{Known: known, Unknown: unknown}}, leak.DefaultCriteria(), random)[0]
	if f.Verdict != leak.TimeLeak {
		t.Errorf("%+v", f)
	}
}

func TestVerdicts(t *testing.T) {
	random := seeded(11)
	steady := func(n int, at time.Duration, shape string) leak.Series {
		var s leak.Series
		for i := range n {
			s.Add(at+time.Duration(i%7)*time.Microsecond, shape)
		}
		return s
	}
	mixed := func(rare int) leak.Series {
		s := steady(100-rare, time.Millisecond, ok)
		for range rare {
			s.Add(time.Millisecond, "NOT_FOUND")
		}
		return s
	}
	unasked := func() leak.Series {
		var s leak.Series
		s.AddShape("not reached")
		return s
	}
	wide := leak.DefaultCriteria()
	wide.Resolution = time.Microsecond
	chance := func(known, unknown leak.Series) leak.Cell {
		return leak.Cell{Known: known, Unknown: unknown, Chance: true}
	}
	tests := map[string]struct {
		cell     leak.Cell
		criteria leak.Criteria
		want     leak.Verdict
	}{
		"alike":                               {leak.Cell{Known: steady(50, time.Millisecond, ok), Unknown: steady(50, time.Millisecond, ok)}, leak.DefaultCriteria(), leak.Same},
		"a shape of their own, once":          {leak.Cell{Known: mixed(1), Unknown: steady(100, time.Millisecond, ok)}, leak.DefaultCriteria(), leak.ShapeLeak},
		"the unknown have one":                {leak.Cell{Known: steady(100, time.Millisecond, ok), Unknown: mixed(1)}, leak.DefaultCriteria(), leak.ShapeLeak},
		"both have both, in other shares":     {leak.Cell{Known: mixed(5), Unknown: mixed(50)}, leak.DefaultCriteria(), leak.ShapeLeak},
		"both have both, in the same":         {leak.Cell{Known: mixed(5), Unknown: mixed(7)}, leak.DefaultCriteria(), leak.Same},
		"a few by chance":                     {chance(mixed(2), steady(100, time.Millisecond, ok)), leak.DefaultCriteria(), leak.Same},
		"too many for chance":                 {chance(mixed(30), steady(100, time.Millisecond, ok)), leak.DefaultCriteria(), leak.ShapeLeak},
		"a difference of no use":              {leak.Cell{Known: steady(50, time.Millisecond, ok), Unknown: steady(50, time.Millisecond+50*time.Microsecond, ok)}, leak.DefaultCriteria(), leak.Same},
		"the known are faster":                {leak.Cell{Known: steady(50, time.Millisecond, ok), Unknown: steady(50, 2*time.Millisecond, ok)}, leak.DefaultCriteria(), leak.TimeLeak},
		"too few":                             {leak.Cell{Known: steady(5, time.Millisecond, ok), Unknown: steady(50, time.Millisecond, ok)}, leak.DefaultCriteria(), leak.Unclear},
		"too wide":                            {leak.Cell{Known: answers(random, 50, 0), Unknown: answers(random, 50, 0)}, wide, leak.Unclear},
		"nothing":                             {leak.Cell{}, leak.DefaultCriteria(), leak.Unclear},
		"neither was asked":                   {leak.Cell{Known: unasked(), Unknown: unasked()}, leak.DefaultCriteria(), leak.Same},
		"one of them was asked, and answered": {leak.Cell{Known: steady(50, time.Millisecond, ok), Unknown: unasked()}, leak.DefaultCriteria(), leak.ShapeLeak},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := leak.Judge([]leak.Cell{tt.cell}, tt.criteria, random)[0]
			if f.Verdict != tt.want {
				t.Errorf("%q, want %q: %+v", f.Verdict, tt.want, f)
			}
		})
	}
}

// A bootstrap interval of 99 % must hold the true difference about that often.
func TestTheIntervalHoldsTheDifference(t *testing.T) {
	random, held := seeded(13), 0
	const runs, shift = 150, 2 * time.Millisecond
	for range runs {
		cell := leak.Cell{Known: answers(random, 60, shift), Unknown: answers(random, 60, 0)}
		if f := leak.Judge([]leak.Cell{cell}, leak.Criteria{Error: 0.01, Resamples: 400}, random)[0]; f.Low <= shift && shift <= f.High {
			held++
		}
	}
	if held < runs*96/100 {
		t.Errorf("%d of %d intervals hold it", held, runs)
	}
}
