package leak

import "math"

// Test is what came of a statistical test.
type Test struct {
	// Statistic is t, or U's distance from its mean in standard deviations.
	Statistic float64
	// P is how likely a statistic this far from zero is where there is no difference, to either side.
	P float64
}

// nothing is the outcome where a test has nothing to go by.
var nothing = Test{P: 1}

// Welch compares means, without supposing that the variances are the same: t with the degrees of freedom after Welch and Satterthwaite.
func Welch(a, b []float64) Test {
	if len(a) < 2 || len(b) < 2 {
		return nothing
	}
	meanA, varianceA := moments(a)
	meanB, varianceB := moments(b)
	partA, partB := varianceA/float64(len(a)), varianceB/float64(len(b))
	squared := partA + partB
	if squared == 0 {
		return certain(meanA - meanB)
	}
	t := (meanA - meanB) / math.Sqrt(squared)
	freedom := squared * squared / (partA*partA/float64(len(a)-1) + partB*partB/float64(len(b)-1))
	return Test{Statistic: t, P: studentTails(t, freedom)}
}

// certain is the outcome where nothing varies: any difference is one.
func certain(difference float64) Test {
	if difference == 0 {
		return nothing
	}
	return Test{Statistic: math.Copysign(math.MaxFloat64, difference), P: 0}
}

// studentTails is the probability that Student's t is further from zero than t, to either side.
func studentTails(t, freedom float64) float64 {
	return regularBeta(freedom/(freedom+t*t), freedom/2, 0.5)
}

// regularBeta is the regularised incomplete beta function I_x(a, b), by the continued fraction of DLMF 8.17.22. It converges fast below the mean
// of the distribution; above, the symmetry I_x(a, b) = 1 − I_{1−x}(b, a) leads there.
func regularBeta(x, a, b float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - regularBeta(1-x, b, a)
	}
	logA, _ := math.Lgamma(a)
	logB, _ := math.Lgamma(b)
	logAB, _ := math.Lgamma(a + b)
	front := math.Exp(logAB-logA-logB+a*math.Log(x)+b*math.Log1p(-x)) / a
	return front * betaFraction(x, a, b)
}

// betaFraction sums the continued fraction by Lentz's method.
func betaFraction(x, a, b float64) float64 {
	const (
		precision = 1e-14
		tiny      = 1e-300 // in place of a zero that would be divided by
		most      = 10_000 // it takes about the root of a; and measurements are thousands
	)
	away := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/away(1-(a+b)*x/(a+1))
	sum := d
	for i := 1; i <= most; i++ {
		m := float64(i)
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/away(1+even*d), away(1+even/c)
		sum *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/away(1+odd*d), away(1+odd/c)
		sum *= d * c
		if math.Abs(d*c-1) < precision {
			break
		}
	}
	return sum
}
