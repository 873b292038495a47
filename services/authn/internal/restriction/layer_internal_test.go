package restriction

import (
	"strings"
	"testing"
)

func TestALayerTakesNoMoreThanItCanHold(t *testing.T) {
	e := Entry{List: Block, Kind: Domain, Name: "example.com"}
	b := newBuilder(0)
	if err := b.add(e); err != nil {
		t.Fatal(err)
	}
	b.used = MaxEntries
	if err := b.add(e); err != nil {
		t.Errorf("an entry that is there: %v", err)
	}
	e.Name = "example.org"
	if err := b.add(e); err == nil || !strings.Contains(err.Error(), "more than 4194304 entries: remove some") {
		t.Errorf("one entry too many: %v", err)
	}
	full := &Index{base: &layer{}, recent: &layer{}}
	full.counts[Block][Domain] = MaxEntries
	if next, err := full.With(Change{Entry: e}); err == nil || next != nil {
		t.Errorf("a change adds one entry too many: %v", err)
	}
}

// Each layer places names by a seed of its own, so that nobody can have a list made in which all names fall together.
func TestLayersPlaceNamesByTheirOwnSeed(t *testing.T) {
	a, b := newBuilder(1<<10), newBuilder(1<<10)
	same := 0
	for _, name := range []string{"a.example", "b.example", "c.example", "d.example"} {
		_, first := a.find("", name)
		_, second := b.find("", name)
		if first == second {
			same++
		}
	}
	if same == 4 {
		t.Error("two layers hash alike")
	}
}

// A record that is written again, with one spelling more or less, is read back whole.
func TestARecordKeepsTheSpellingsOfAllItsEntries(t *testing.T) {
	var all entries
	spellings := map[marks]string{allowed: "A", blocked: "", allowedBelow: "*.A", blockedBelow: strings.Repeat("x", maxWritten), disposable: "ä", notDisposable: "B"}
	for m, s := range spellings {
		all.set(m, s)
	}
	var text strings.Builder
	text.WriteString("what stands before")
	offset := uint32(text.Len()) + 1
	all.write(&text, "a")
	text.WriteString("what stands after")
	r := recordAt(text.String(), offset)
	for m, want := range spellings {
		if got := r.written(m); got != want || r.marks()&m == 0 {
			t.Errorf("%b is written %q, want %q", m, got, want)
		}
	}
	again := entriesOf(r)
	if again != all || r.name() != "a" {
		t.Errorf("read back as %+v", again)
	}
	again.remove(blockedBelow)
	if again.marks&blockedBelow != 0 || again.spellings == all.spellings {
		t.Error("an entry that was removed left its spelling")
	}
}
