// Package leak judges whether somebody who sees answers can tell two groups of askers apart: by what the answers are, or by the time that they take. One
// group is known to whoever answers and the other isn't.
//
// What the answers are is compared as text: a shape that one group is given and the other never is a leak. Time is noisy, and is judged by two tests that
// miss different things:
//
//	Welch's t        means. It sees what shows in the tail alone, such as one slow answer in ten, and is blinded by outliers
//	Mann–Whitney U   ranks. It sees a small shift of all answers, and cares for no outlier
//
// # What counts
//
// A difference is a leak when it is both no chance and of use. No chance: a test's p is below Criteria.Error after Holm's correction over all tests of
// all cells, so that a run with nothing to find cries wolf with at most that probability, however many cells it has and however they depend on each other.
// (dudect's |t| > 4.5 is for one comparison of millions of measurements; with Holm, 50 comparisons and Error 1 %, the bar stands at |t| ≈ 3.9.) Of
// use: means or medians, whichever the test looks at, differ by more than Criteria.Tolerance.
//
// That nothing was found says something only where something would have been. So each Finding has a bootstrap interval of the difference in medians, and
// where it is wider than Criteria.Resolution the verdict is Unclear.
//
// The tests are written out here because they are short, and neither gonum nor another library that is kept up has them. Their own tests hold them to
// published tables and examples. The package is pure: no clock, no I/O, and the randomness is its caller's.
package leak
