package argon2id

import "golang.org/x/sys/cpu"

// fast is whether the processor has what compressAVX2 needs: every server's since 2013 or so.
var fast = cpu.X86.HasAVX2

//go:noescape
func compressAVX2(out, x, y *block, add bool)

func compress(out, x, y *block, add bool) {
	if fast {
		compressAVX2(out, x, y, add)
		return
	}
	compressGeneric(out, x, y, add)
}
