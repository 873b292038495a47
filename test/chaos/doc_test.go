// Package chaos_test kills what it can and looks whether anything was lost. The suite's processes run as test/deployment starts them, under the
// load of test/load; one is killed by SIGKILL at a random moment, and another, and again; test/reconcile then holds the suite against all that it
// had acknowledged.
//
//	go test ./test/chaos                               a few kills, in `make test`
//	go test ./test/chaos -v -kills=50 -seed=7          what `make chaos` does
//
// The seed is printed. It makes the choices the same again: which process, how long it was left alone before, how long it stays dead. What each
// process was doing at that moment isn't in its power.
package chaos_test

import (
	"testing"

	"github.com/doorward/doorward/test/deployment"
)

func TestMain(m *testing.M) { deployment.Main(m) }
