package authn

import (
	"os"
	"runtime"
	"runtime/debug"
)

// cores is how many processors Go found, which heeds a container's share of them; PrepareProcess adds to what Go uses.
var cores = runtime.GOMAXPROCS(0)

// collectEvery is for GOGC: how much garbage, in percent of what is in use, is left to pile up.
const collectEvery = 200

// PrepareProcess sets Go's runtime up for a process that hashes passwords. Whoever owns the process calls it once, before New.
//
// Go leaves a goroutine that computes on its processor for 10 ms. With a hash worker a core, calls would wait that long at each turn. So Go gets one
// processor more for each worker, and the operating system, which switches sooner, shares out the cores.
//
// Each collection takes processors from all calls for a while. Twice as much garbage as Go's default makes them half as many; what the environment says in GOGC
// comes first.
func PrepareProcess(cfg Config) {
	runtime.GOMAXPROCS(cores + cfg.hashWorkers())
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectEvery)
	}
}

// hashWorkers is how many passwords are hashed at once.
func (c Config) hashWorkers() int {
	if c.HashWorkers > 0 {
		return c.HashWorkers
	}
	return cores
}
