package argon2id

import "testing"

// setFast chooses the step until the test ends, and says whether the machine has one of its own.
func setFast(t testing.TB, use bool) bool {
	has := fast
	fast = has && use
	t.Cleanup(func() { fast = has })
	return has
}
