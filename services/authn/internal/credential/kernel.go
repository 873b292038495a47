package credential

import "github.com/doorward/doorward/internal/argon2id"

// Kernel computes argon2id. Tests of timing put a slower or a cheaper function here.
type Kernel func(password, salt []byte, p Params, size uint32) []byte

// Argon2id is the kernel of all but tests.
func Argon2id(password, salt []byte, p Params, size uint32) []byte {
	return argon2id.Key(password, salt, argon2id.Params{Passes: p.Time, MemoryKiB: p.MemoryKiB, Lanes: uint32(p.Threads)}, size)
}

var _ Kernel = Argon2id
