package bench_test

import (
	"runtime"
	"testing"

	"github.com/doorward/doorward/services/authn"
)

// cores is how many processors there were before authn's process was prepared, as each command that runs it does.
var cores = runtime.GOMAXPROCS(0)

func TestMain(m *testing.M) {
	authn.PrepareProcess(authn.DefaultConfig())
	m.Run()
}
