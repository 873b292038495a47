package leak

import (
	"math/rand/v2"
	"slices"
)

// interval is the percentile bootstrap's 99 % interval of the difference in medians, a's less b's.
func interval(a, b []float64, resamples int, random *rand.Rand) (low, high float64) {
	if len(a) == 0 || len(b) == 0 || resamples == 0 {
		return 0, 0
	}
	differences := make([]float64, resamples)
	drawA, drawB := make([]float64, len(a)), make([]float64, len(b))
	for i := range differences {
		differences[i] = resampled(drawA, a, random) - resampled(drawB, b, random)
	}
	slices.Sort(differences)
	cut := resamples / 200
	return differences[cut], differences[len(differences)-1-cut]
}

// resampled is the median of as many values, drawn with replacement into a buffer.
func resampled(buffer, values []float64, random *rand.Rand) float64 {
	for i := range buffer {
		buffer[i] = values[random.IntN(len(values))]
	}
	slices.Sort(buffer)
	return middle(buffer)
}
