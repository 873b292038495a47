// Package faults_test takes away, one after the other, what the suite stands on, while applications go on using it: NATS, a service, the mail
// server, the disk. Each time it looks at three things: that nobody is let in who should stay out and what can go on does, that an operator is told
// by a metric and by the log, and that all is well again once the part is back, with no hand lent. At the end test/reconcile holds the suite against
// all that it had acknowledged.
//
//	go test ./test/faults                                   each fault for a moment, in `make test`
//	go test ./test/faults -v -outage=1m -rollback=14m       what `make faults` does
//
// docs/faults.md tells what users and operators see, with the name of each case here.
package faults_test

import (
	"testing"

	"github.com/doorward/doorward/test/deployment"
)

func TestMain(m *testing.M) { deployment.Main(m) }
