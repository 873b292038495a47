package argon2id

import "golang.org/x/sys/unix"

// yield has the operating system run another thread that waits for this core, if there is one. It is no preemption of Go's: that leaves a core for something else
// of this process only, and costs more.
//
// It can't fail (sched_yield(2)).
func yield() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
