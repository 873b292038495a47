package strength

import (
	"math"
	"strings"

	"github.com/ccojocar/zxcvbn-go/adjacency"
	"github.com/ccojocar/zxcvbn-go/entropy"
	zxcvbn "github.com/ccojocar/zxcvbn-go/match"
)

// boards are the keyboards that are looked at, with what is added to the library's bits. Its own matcher reads a
// keyboard's file anew for each pattern that it finds, which would be most of the work there is. It reckons with the
// number pad's keys where it isn't told otherwise, and so the greater number of a keyboard's is put on top.
var boards = []struct {
	keys map[string][]string
	bits float64
}{
	{adjacency.GraphMap["qwerty"].Graph, keyboardBits},
	{adjacency.GraphMap["dvorak"].Graph, keyboardBits},
	{adjacency.GraphMap["keypad"].Graph, 0},
	{adjacency.GraphMap["macKeypad"].Graph, 0},
}

// keyboardBits is how many more keys there are to begin at: 94 for 15.
var keyboardBits = math.Log2(94.0 / 15)

// walks finds the parts of a text, three keys at least, of which each key lies beside the one before.
func walks(text string) []zxcvbn.Match {
	var out []zxcvbn.Match
	for _, board := range boards {
		for i := 0; i < len(text); {
			w := walk{direction: -1}
			j := i + 1
			for j < len(text) && w.step(board.keys[text[j-1:j]], text[j]) {
				j++
			}
			if j-i >= minWord {
				m := zxcvbn.Match{Pattern: "spatial", DictionaryName: "keypad", I: i, J: j - 1, Token: text[i:j]}
				m.Entropy = entropy.SpatialEntropy(m, w.turns, w.shifted) + board.bits
				out = append(out, m)
			}
			i = j
		}
	}
	return out
}

// walk is a way over the keys: how often it turned, how many of its characters are shifted, and where it went last.
type walk struct {
	turns, shifted, direction int
}

// step goes on to a character if it lies beside the key. A neighbour is written as its characters, the shifted one second.
func (w *walk) step(neighbours []string, to byte) bool {
	for direction, characters := range neighbours {
		at := strings.IndexByte(characters, to)
		if at < 0 {
			continue
		}
		if at == 1 {
			w.shifted++
		}
		if direction != w.direction {
			w.turns++
			w.direction = direction
		}
		return true
	}
	return false
}
