// Package soak_test leaves the suite under a moderate load for a long time, and looks whether anything grows that shouldn't: memory, goroutines, file
// descriptors. Files grow with what is kept (sessions for 30 days, events and deliveries for 90): the table gives their sizes, and how much a sign-in
// costs, which has to stay the same.
//
//	go test ./test/soak                       a few seconds, in `make test`: that it measures at all
//	go test ./test/soak -v -duration=1h       what `make soak` does
//
// How long a test has run is no reason to fail it: it fails when the second half of the run needs more than the first, beyond what a machine that does
// other things makes of it.
package soak_test

import (
	"testing"

	"github.com/doorward/doorward/test/deployment"
)

func TestMain(m *testing.M) { deployment.Main(m) }
