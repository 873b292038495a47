package leak_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/internal/leak"
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// The examples are those of Wikipedia's "Welch's t-test", with equal and unequal variances and sizes; its p is of two tails.
func TestWelchIsAsPublished(t *testing.T) {
	tests := map[string]struct {
		a, b []float64
		t, p float64
	}{
		"equal variances and sizes": {
			[]float64{27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4},
			[]float64{27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 20.5, 24.4},
			-2.46, 0.021,
		},
		"unequal variances and sizes": {
			[]float64{17.2, 20.9, 22.6, 18.1, 21.7, 21.4, 23.5, 24.2, 14.7, 21.8},
			[]float64{21.5, 22.8, 21.0, 23.0, 21.6, 23.6, 22.5, 20.7, 23.4, 21.8, 20.7, 21.7, 21.5, 22.5, 23.6, 21.5, 22.5, 23.5, 21.5, 21.8},
			-1.57, 0.149,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := leak.Welch(tt.a, tt.b)
			near(t, "t", got.Statistic, tt.t, 0.005)
			near(t, "p", got.P, tt.p, 0.0005)
		})
	}
}

// The quantiles are those of the tables in textbooks: t of two tails of 5 %, 1 % and 0.1 %.
func TestStudentsTailsAreThoseOfTheTables(t *testing.T) {
	for freedom, quantiles := range map[float64][3]float64{
		1: {12.706, 63.657, 636.619}, 2: {4.303, 9.925, 31.599}, 5: {2.571, 4.032, 6.869}, 10: {2.228, 3.169, 4.587},
		30: {2.042, 2.750, 3.646}, 100: {1.984, 2.626, 3.390}, 1e6: {1.960, 2.576, 3.291},
	} {
		for i, tails := range []float64{0.05, 0.01, 0.001} {
			for _, sign := range []float64{1, -1} {
				near(t, "tails", leak.StudentTails(sign*quantiles[i], freedom), tails, tails*0.002)
			}
		}
	}
}

func TestMannWhitneyIsAsPublished(t *testing.T) {
	tests := map[string]struct {
		a, b []float64
		p    float64
	}{
		// Hollander & Wolfe (1973), 69f, as in R's manual of wilcox.test: U = 35 of 50. The exact p is 0.254; z = 9.5/√(50·16/12) gives this one.
		"no ties": {[]float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}, []float64{1.15, 0.88, 0.90, 0.74, 1.21}, 0.2446},
		// U = 2.5 of 16, and z = 5/√(16/12·(9 − 36/56)), by hand.
		"ties":      {[]float64{1, 2, 2, 3}, []float64{2, 3, 4, 4}, 0.1342},
		"all equal": {[]float64{1, 1, 1}, []float64{1, 1}, 1},
		"nothing":   {nil, []float64{1}, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			near(t, "p", leak.MannWhitney(tt.a, tt.b).P, tt.p, 0.0005)
		})
	}
}

// One against rank sums that are counted the slow way, with ties.
func TestRanksAreTheSharesOfPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(0, 9).Draw(t, "v")) })
		a := rapid.SliceOfN(value, 1, 20).Draw(t, "a")
		b := rapid.SliceOfN(value, 1, 20).Draw(t, "b")
		above := 0.0
		for _, x := range a {
			for _, y := range b {
				switch {
				case x > y:
					above++
				case x == y:
					above += 0.5
				}
			}
		}
		got, half := leak.MannWhitney(a, b), float64(len(a)*len(b))/2
		if above > half+0.5 && got.Statistic <= 0 || above < half-0.5 && got.Statistic >= 0 {
			t.Fatalf("U = %v of %v, statistic %v", above, 2*half, got.Statistic)
		}
		if mirrored := leak.MannWhitney(b, a); mirrored.Statistic != -got.Statistic || mirrored.P != got.P {
			t.Fatalf("%v one way and %v the other", got, mirrored)
		}
		if got.P < 0 || got.P > 1 {
			t.Fatalf("p = %v", got.P)
		}
	})
}

func TestHolmIsAsPublished(t *testing.T) {
	// Wikipedia's "Holm–Bonferroni method": of 0.01, 0.04, 0.03 and 0.005 at 5 %, the first and the last are rejected.
	got := leak.Holm([]float64{0.01, 0.04, 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} {
		near(t, "p", got[i], want, 1e-12)
	}
}

func TestHolmKeepsTheOrderAndNeverLowers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ps := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 30).Draw(t, "p")
		corrected := leak.Holm(ps)
		for i, p := range ps {
			if corrected[i] < p || corrected[i] > 1 || corrected[i] > p*float64(len(ps)) && corrected[i] > corrected[least(ps)]*float64(len(ps)) {
				t.Fatalf("%v became %v", ps, corrected)
			}
			for j, q := range ps {
				if p < q && corrected[i] > corrected[j] {
					t.Fatalf("%v became %v: another order", ps, corrected)
				}
			}
		}
	})
}

func least(ps []float64) int {
	at := 0
	for i, p := range ps {
		if p < ps[at] {
			at = i
		}
	}
	return at
}

func TestAMeasurementThatNeverVariesIsNoPuzzle(t *testing.T) {
	same := leak.Welch([]float64{1, 1, 1}, []float64{1, 1})
	other := leak.Welch([]float64{2, 2, 2}, []float64{1, 1})
	if same.P != 1 || other.P != 0 {
		t.Errorf("p = %v of equal ones, %v of others", same.P, other.P)
	}
}
