package breach

import (
	"fmt"
	"strings"
)

// Mode says which sources are asked. The list is asked in all but Off.
type Mode string

const (
	// Off checks nothing.
	Off Mode = "off"
	// ListOnly asks the list of the most used passwords, which needs no set-up.
	ListOnly Mode = "list"
	// CorpusOnly asks the filter on disk too. Nothing leaves the process.
	CorpusOnly Mode = "corpus"
	// RangeOnly asks the range API about each password.
	RangeOnly Mode = "range"
	// CorpusConfirmed asks the range API about what the filter hits.
	CorpusConfirmed Mode = "corpus_confirmed_by_range"
)

var modes = []Mode{Off, ListOnly, CorpusOnly, RangeOnly, CorpusConfirmed}

// ParseMode reads a mode as it is written in configuration.
func ParseMode(text string) (Mode, error) {
	names := make([]string, len(modes))
	for i, m := range modes {
		if string(m) == text {
			return m, nil
		}
		names[i] = string(m)
	}
	return "", fmt.Errorf("breach: no such mode %q: choose one of %s", text, strings.Join(names, ", "))
}

// CanFail says whether one of the mode's sources may not have an answer. The list always has one.
func (m Mode) CanFail() bool { return m.asksCorpus() || m.asksRange() }

func (m Mode) asksCorpus() bool { return m == CorpusOnly || m == CorpusConfirmed }

func (m Mode) asksRange() bool { return m == RangeOnly || m == CorpusConfirmed }
