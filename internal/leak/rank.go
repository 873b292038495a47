package leak

import (
	"math"
	"slices"
)

// MannWhitney compares by ranks: whether one group's values tend to be above the other's. By the normal approximation, which is good from eight values in
// each group on, with the corrections for ties and for continuity.
func MannWhitney(a, b []float64) Test {
	if len(a) == 0 || len(b) == 0 {
		return nothing
	}
	ranks, ties := rankSum(a, b)
	n, m := float64(len(a)), float64(len(b))
	u, mean := ranks-n*(n+1)/2, n*m/2
	all := n + m
	variance := n * m / 12 * (all + 1 - ties/(all*(all-1)))
	if variance <= 0 {
		return nothing // all values are the same
	}
	distance := u - mean
	const continuity = 0.5
	z := math.Copysign(max(math.Abs(distance)-continuity, 0), distance) / math.Sqrt(variance)
	return Test{Statistic: z, P: math.Erfc(math.Abs(z) / math.Sqrt2)}
}

// rankSum is the sum of a's ranks among all values, those that are equal sharing theirs, and the sum of t³ − t over each t that are equal.
func rankSum(a, b []float64) (ranks, ties float64) {
	type value struct {
		of    float64
		fromA bool
	}
	all := make([]value, 0, len(a)+len(b))
	for _, v := range a {
		all = append(all, value{v, true})
	}
	for _, v := range b {
		all = append(all, value{v, false})
	}
	slices.SortFunc(all, func(x, y value) int {
		switch {
		case x.of < y.of:
			return -1
		case x.of > y.of:
			return 1
		}
		return 0
	})
	for from := 0; from < len(all); {
		to := from
		for to < len(all) && all[to].of == all[from].of {
			to++
		}
		shared := float64(from+1+to) / 2
		for _, v := range all[from:to] {
			if v.fromA {
				ranks += shared
			}
		}
		t := float64(to - from)
		ties += t*t*t - t
		from = to
	}
	return ranks, ties
}
