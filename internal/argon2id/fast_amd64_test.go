package argon2id

import "testing"

// setFast chooses the step until the test ends: the processor's own, if it has one, or the plain one.
func setFast(t testing.TB, own bool) {
	has := fast
	fast = has && own
	t.Cleanup(func() { fast = has })
}
