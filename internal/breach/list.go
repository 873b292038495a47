package breach

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // see hash.go
	_ "embed"     // the list
	"encoding/hex"
	"sort"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/doorward/doorward/internal/secret"
)

// mostUsed has a line for each password of the list: the SHA-1 of its lower-case form in hexadecimal digits, sorted. data/README.md says
// where it comes from. It is searched as it lies there, so that it costs nothing until it is asked.
//
//go:embed data/most-used.sha1
var mostUsed []byte

// listLine is the length of a line of the list.
const listLine = 2*sha1.Size + 1

// InList says whether a password is among the most used ones. Case makes no difference: the list was counted with all letters in lower case, and whoever
// guesses "dragon" guesses "Dragon" next.
func InList(password secret.Text) bool {
	lower := strings.ToLower(norm.NFC.String(password.Reveal()))
	sum := sha1.Sum([]byte(lower)) //nolint:gosec // see hash.go
	var wanted [2 * sha1.Size]byte
	hex.Encode(wanted[:], sum[:])
	line := func(i int) []byte { return mostUsed[i*listLine : (i+1)*listLine-1] }
	lines := len(mostUsed) / listLine
	i := sort.Search(lines, func(i int) bool { return bytes.Compare(line(i), wanted[:]) >= 0 })
	return i < lines && bytes.Equal(line(i), wanted[:])
}
