//go:build !amd64

package argon2id

func compress(out, x, y *block, add bool) { compressGeneric(out, x, y, add) }
