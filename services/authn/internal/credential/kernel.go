package credential

import "golang.org/x/crypto/argon2"

// Kernel computes argon2id. It is the one place to put a faster implementation; tests of timing put a slower or a
// cheaper function here.
type Kernel func(password, salt []byte, p Params, size uint32) []byte

// Argon2id is x/crypto's kernel. It allocates p.MemoryKiB at each call.
func Argon2id(password, salt []byte, p Params, size uint32) []byte {
	return argon2.IDKey(password, salt, p.Time, p.MemoryKiB, p.Threads, size)
}

var _ Kernel = Argon2id
