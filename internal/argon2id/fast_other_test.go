//go:build !amd64

package argon2id

import "testing"

// setFast does nothing: there is only the plain step here.
func setFast(testing.TB, bool) {}
