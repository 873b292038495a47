package credential

import (
	"fmt"
	"strings"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/credential/foreign"
)

// maxImportedWork bounds argon2id's memory × passes in KiB, as foreign bounds argon2i's: about a second of a core.
const maxImportedWork = 1 << 20

// isOwn says whether a stored password is to be read as one of ours.
func isOwn(stored PHC) bool { return strings.HasPrefix(stored.Reveal(), "$argon2id$") }

// verifyForeign checks a password that another system stored, as it was typed (foreign says why). A right one is to be
// stored anew, unless the form doesn't look at all of it: its end may be a slip that nobody noticed.
func (h Hasher) verifyForeign(stored PHC, password secret.Text) (Result, error) {
	typed := []byte(password.Reveal())
	if _, wrong := prepare(password); wrong != "" {
		typed = nil // hashed as empty, which is never right
	}
	f, err := foreign.Parse(stored.Reveal())
	if err != nil {
		h.spend(typed)
		return Result{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if !f.Matches(typed) {
		return Result{}, nil
	}
	return Result{OK: true, NeedsRehash: f.Whole(typed)}, nil
}

// Inspection is what an import must know of a stored password before it takes it.
type Inspection struct {
	// Kind is the form's name: argon2id, or one of foreign's.
	Kind string
	// Specimen is a form of the same cost that is nobody's, for Config.Stored and Pool.Expect. Forms of one cost have one
	// specimen, so that a set of them is small however many users there are.
	Specimen string
	// Work is how much there is to compute: of two forms of a kind, the one with more takes longer.
	Work int
	// MemoryKiB is what a worker needs while it checks such a form, if that is worth speaking of.
	MemoryKiB int
}

// Inspect reads a stored password without a password, and refuses what Verify couldn't check within the bounds. The
// error is a reason for a report: it says what is wrong, and holds nothing of the form.
func Inspect(stored PHC) (Inspection, error) {
	if isOwn(stored) {
		f, err := read(stored)
		if err != nil {
			return Inspection{}, err
		}
		if f.params.Time > maxImportedWork/f.params.MemoryKiB {
			return Inspection{}, tooCostly("memory × passes = 1 GiB")
		}
		blank := form{params: f.params, salt: make([]byte, saltSize), key: make([]byte, len(f.key))}
		return Inspection{Kind: "argon2id", Specimen: blank.format().Reveal(), Work: int(f.params.MemoryKiB * f.params.Time), MemoryKiB: int(f.params.MemoryKiB)}, nil
	}
	f, err := foreign.Parse(stored.Reveal())
	if err != nil {
		return Inspection{}, err
	}
	return Inspection{Kind: f.Kind, Specimen: f.Specimen, Work: f.Work, MemoryKiB: f.MemoryKiB}, nil
}
