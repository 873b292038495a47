package credential

import (
	"sync"

	"github.com/doorward/doorward/internal/argon2id"
)

// Kernel computes argon2id. It is the one place to put a faster implementation; tests of timing put a slower or a
// cheaper function here.
type Kernel func(password, salt []byte, p Params, size uint32) []byte

// memories holds those that no hash uses at the moment. There are as many as hashes have run at once, and the collector takes those that weren't needed for some time.
var memories = sync.Pool{New: func() any { return new(argon2id.Memory) }}

// Argon2id computes in memory that an earlier hash has left, so that a flood leaves the collector nothing to do.
func Argon2id(password, salt []byte, p Params, size uint32) []byte {
	memory := memories.Get().(*argon2id.Memory)
	defer memories.Put(memory)
	return memory.Key(password, salt, argon2id.Params{Passes: p.Time, MemoryKiB: p.MemoryKiB, Lanes: uint32(p.Threads)}, size)
}

var _ Kernel = Argon2id
