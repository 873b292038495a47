package leak

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Series is what one group was answered.
type Series struct {
	// Took is the time of each answer.
	Took []time.Duration
	// Shapes counts what the answers were.
	Shapes map[string]int
}

// Add takes one answer in.
func (s *Series) Add(took time.Duration, shape string) {
	s.Took = append(s.Took, took)
	s.AddShape(shape)
}

// AddShape takes in what has no time, such as that nothing was asked.
func (s *Series) AddShape(shape string) {
	if s.Shapes == nil {
		s.Shapes = map[string]int{}
	}
	s.Shapes[shape]++
}

// Cell is one comparison.
type Cell struct {
	Known, Unknown Series
	// Chance says that which shape an answer has is up to others too, such as to their load: then only the shares count.
	Chance bool
}

// Criteria are what a difference is held against.
type Criteria struct {
	// Error is the probability of any false alarm in a run.
	Error float64
	// Tolerance is the difference that helps nobody.
	Tolerance time.Duration
	// Resolution is the width of an interval, to either side, beyond which nothing can be said.
	Resolution time.Duration
	// Resamples is how often the bootstrap draws.
	Resamples int
}

// DefaultCriteria are for a deployment whose limits are as they ship. To resolve 100 µs behind a network's jitter of 1 ms with |t| of 4.5 takes 4,000
// answers, which the limit of 5 in 10 s stretches over two hours for each address, and the lockout over weeks.
func DefaultCriteria() Criteria {
	return Criteria{Error: 0.01, Tolerance: 100 * time.Microsecond, Resolution: 5 * time.Millisecond, Resamples: 1000}
}

// Verdict is what became of a cell.
type Verdict string

// The verdicts.
const (
	// Same: they can't be told apart.
	Same Verdict = "same"
	// ShapeLeak and TimeLeak: they can.
	ShapeLeak Verdict = "LEAK: shape"
	TimeLeak  Verdict = "LEAK: time"
	// Unclear: with so few answers, or so much noise, nothing can be said.
	Unclear Verdict = "unclear"
)

// Leaks says that the groups can be told apart.
func (v Verdict) Leaks() bool { return v == ShapeLeak || v == TimeLeak }

// Finding is what is known of a cell. Its p are corrected.
type Finding struct {
	// N is how many answers of the smaller group were timed.
	N int
	// Known and Unknown are the medians, Difference is how much longer Known took, and Low and High its 99 % interval.
	Known, Unknown, Difference, Low, High time.Duration
	// MeanDifference is how much longer Known took in the mean.
	MeanDifference time.Duration
	Welch, Ranks   Test
	// Shapes are those that one group alone was given.
	Shapes []Shape
	// Mix compares how often the groups were given the shapes that both were given: nothing where there is but one.
	Mix     Test
	Verdict Verdict
}

// Shape is an answer's that one group alone was given.
type Shape struct {
	Text  string
	Known bool
	Times int
}

func (s Shape) String() string {
	who := "unknown"
	if s.Known {
		who = "known"
	}
	return fmt.Sprintf("%d × %s alone: %s", s.Times, who, s.Text)
}

// Judge compares each cell's groups. A cell with nothing in it is Unclear.
func Judge(cells []Cell, c Criteria, random *rand.Rand) []Finding {
	findings := make([]Finding, len(cells))
	var ps []*float64
	for i, cell := range cells {
		f := &findings[i]
		*f = measure(cell, c, random)
		if f.N > 0 {
			ps = append(ps, &f.Welch.P, &f.Ranks.P)
		}
		if f.Mix != nothing {
			ps = append(ps, &f.Mix.P)
		}
	}
	correct(ps)
	for i := range findings {
		f := &findings[i]
		f.Verdict = f.judge(c, cells[i])
	}
	return findings
}

// correct corrects them where they stand.
func correct(ps []*float64) {
	plain := make([]float64, len(ps))
	for i, p := range ps {
		plain[i] = *p
	}
	for i, p := range Holm(plain) {
		*ps[i] = p
	}
}

func measure(cell Cell, c Criteria, random *rand.Rand) Finding {
	known, unknown := seconds(cell.Known.Took), seconds(cell.Unknown.Took)
	low, high := interval(known, unknown, c.Resamples, random)
	meanKnown, _ := moments(known)
	meanUnknown, _ := moments(unknown)
	return Finding{
		N:     min(len(known), len(unknown)),
		Known: duration(median(known)), Unknown: duration(median(unknown)),
		Difference: duration(median(known) - median(unknown)), Low: duration(low), High: duration(high),
		MeanDifference: duration(meanKnown - meanUnknown),
		Welch:          Welch(known, unknown), Ranks: MannWhitney(known, unknown),
		Shapes: onlyOne(cell), Mix: mix(cell),
	}
}

// onlyOne lists the shapes that one group alone was given, unless that may be by chance.
func onlyOne(cell Cell) []Shape {
	if cell.Chance {
		return nil
	}
	var found []Shape
	for _, text := range slices.Sorted(maps.Keys(cell.Known.Shapes)) {
		if cell.Unknown.Shapes[text] == 0 {
			found = append(found, Shape{Text: text, Known: true, Times: cell.Known.Shapes[text]})
		}
	}
	for _, text := range slices.Sorted(maps.Keys(cell.Unknown.Shapes)) {
		if cell.Known.Shapes[text] == 0 {
			found = append(found, Shape{Text: text, Times: cell.Unknown.Shapes[text]})
		}
	}
	return found
}

// mix compares how often the groups were given each shape that both were given, or, where chance has a part, either. It is the most telling of the tests,
// corrected for their number.
func mix(cell Cell) Test {
	texts := slices.Concat(slices.Collect(maps.Keys(cell.Known.Shapes)), slices.Collect(maps.Keys(cell.Unknown.Shapes)))
	slices.Sort(texts)
	most, compared := nothing, 0
	for _, text := range slices.Compact(texts) {
		known, unknown := cell.Known.Shapes[text], cell.Unknown.Shapes[text]
		if !cell.Chance && min(known, unknown) == 0 {
			continue
		}
		compared++
		if t := MannWhitney(had(known, cell.Known), had(unknown, cell.Unknown)); t.P < most.P {
			most = t
		}
	}
	most.P = min(1, most.P*float64(max(compared, 1)))
	return most
}

// had is 1 for each answer of a group that had the shape, and 0 for the others.
func had(times int, s Series) []float64 {
	all := 0
	for _, n := range s.Shapes {
		all += n
	}
	out := make([]float64, all)
	for i := range times {
		out[i] = 1
	}
	return out
}

// fewest timed answers of a group that the tests can go by.
const fewest = 8

func (f Finding) judge(c Criteria, of Cell) Verdict {
	switch {
	case len(of.Known.Shapes) == 0, len(of.Unknown.Shapes) == 0:
		return Unclear
	case len(f.Shapes) > 0, f.Mix.P < c.Error:
		return ShapeLeak
	case f.N == 0, f.N < fewest && of.Chance:
		return Same // nothing was asked of either, which is the same; or little, as it happened
	case f.Welch.P < c.Error && away(f.MeanDifference) > c.Tolerance:
		return TimeLeak
	case f.Ranks.P < c.Error && away(f.Difference) > c.Tolerance:
		return TimeLeak
	case f.N < fewest || (f.High-f.Low)/2 > c.Resolution:
		return Unclear
	}
	return Same
}

func away(d time.Duration) time.Duration { return time.Duration(math.Abs(float64(d))) }
