//go:build !amd64

package argon2id

func fill(out, x, y *block) { fillGeneric(out, x, y) }

func mix(out, x, y *block) { mixGeneric(out, x, y) }
