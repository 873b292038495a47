package argon2id

import "golang.org/x/sys/cpu"

// fast is whether the processor has what fillAVX2 and mixAVX2 need: every server's since 2013 or so.
var fast = cpu.X86.HasAVX2

//go:noescape
func fillAVX2(out, x, y *block)

//go:noescape
func mixAVX2(out, x, y *block)

func fill(out, x, y *block) {
	if fast {
		fillAVX2(out, x, y)
		return
	}
	fillGeneric(out, x, y)
}

func mix(out, x, y *block) {
	if fast {
		mixAVX2(out, x, y)
		return
	}
	mixGeneric(out, x, y)
}
