package restriction

import (
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"strings"
)

// MaxEntries is the most that an index takes. A million is what it is made for.
const MaxEntries = 4 << 20

// maxText keeps offsets into a layer's text below 32 bits, with room for the last record.
const maxText = 1<<32 - 1<<16

// layer is an immutable table of records: a hash table with open addressing over one text that holds them all, so that a million of them are
// three objects to the garbage collector. The hash has a seed of its own for each layer: nobody can choose names that collide.
type layer struct {
	seed  maphash.Seed
	slots []slot // a power of two, at most half full
	text  string
	used  int
	// depths says how many labels the domains have that count for those below them.
	depths depths
	v4, v6 ranges
}

// slot points to a record; offset is one more than where it begins in the text, so that zero is an empty slot.
type slot struct{ hash, offset uint32 }

// depths is a set of numbers of labels; a domain has at most 127.
type depths [2]uint64

func (d *depths) add(labels int)      { d[labels>>6&1] |= 1 << (labels & 63) }
func (d *depths) has(labels int) bool { return d[labels>>6&1]&(1<<(labels&63)) != 0 }

// get finds a name's record; an empty one when there is none.
func (l *layer) get(name string) record {
	if len(l.slots) == 0 {
		return ""
	}
	at, _ := l.find(l.text, name)
	if l.slots[at].offset == 0 {
		return ""
	}
	return recordAt(l.text, l.slots[at].offset)
}

// find is the slot of a name, or the empty one in which it would be.
func (l *layer) find(text, name string) (at, hash uint32) {
	hash = uint32(maphash.String(l.seed, name))
	last := uint32(len(l.slots) - 1)
	for at = hash & last; ; at = (at + 1) & last {
		s := l.slots[at]
		if s.offset == 0 || s.hash == hash && recordAt(text, s.offset).name() == name {
			return at, hash
		}
	}
}

// recordAt is the record that begins at an offset, and whatever text follows it.
func recordAt(text string, offset uint32) record { return record(text[offset-1:]) }

// records walks all records, in no order.
func (l *layer) records() iter.Seq[record] {
	return func(yield func(record) bool) {
		for _, s := range l.slots {
			if s.offset != 0 && !yield(recordAt(l.text, s.offset)) {
				return
			}
		}
	}
}

// builder makes a layer.
type builder struct {
	layer
	text   strings.Builder
	v4, v6 []span
}

// newBuilder has room for that many records before it has to grow.
func newBuilder(room int) *builder {
	size := 16
	for size < 2*room {
		size *= 2
	}
	b := &builder{layer: layer{seed: maphash.MakeSeed(), slots: make([]slot, size)}}
	const usual = 32 // bytes a record
	b.text.Grow(usual * room)
	return b
}

// add puts one entry among those of its name.
func (b *builder) add(e Entry) error {
	if err := e.check(); err != nil {
		return err
	}
	at, hash := b.find(b.text.String(), e.Name)
	var all entries
	if offset := b.slots[at].offset; offset != 0 {
		r := recordAt(b.text.String(), offset)
		if r.marks()&e.mark() != 0 && r.written(e.mark()) == e.Written {
			return nil
		}
		all = entriesOf(r)
	}
	all.set(e.mark(), e.Written)
	return b.store(at, hash, e.Name, all)
}

// put stores all the entries of a name, in the place of those it had. None at all is kept too: it hides those of a layer below.
func (b *builder) put(name string, all entries) error {
	at, hash := b.find(b.text.String(), name)
	return b.store(at, hash, name, all)
}

// store writes a new record. One that was there before stays in the text, unused.
func (b *builder) store(at, hash uint32, name string, all entries) error {
	if b.text.Len() > maxText {
		return errors.New("the entries are too long to be kept: remove some")
	}
	isNew := b.slots[at].offset == 0
	offset := uint32(b.text.Len()) + 1
	b.slots[at] = slot{hash: hash, offset: offset}
	all.write(&b.text, name)
	if all.marks&throughDomains != 0 {
		b.depths.add(labels(name))
	}
	if isNew {
		b.used++
	}
	if b.used > MaxEntries {
		return fmt.Errorf("there are more than %d entries: remove some", MaxEntries)
	}
	if 2*b.used > len(b.slots) {
		b.grow()
	}
	return b.addRange(name, offset)
}

// addRange notes where the record of a range of addresses is.
func (b *builder) addRange(name string, offset uint32) error {
	if kindOf(name) != Range {
		return nil
	}
	s, isV4, err := spanOf(name)
	if err != nil {
		return err
	}
	s.offset = offset
	if isV4 {
		b.v4 = append(b.v4, s)
	} else {
		b.v6 = append(b.v6, s)
	}
	return nil
}

// grow doubles the table. The slots know their hashes, so the text isn't read.
func (b *builder) grow() {
	old := b.slots
	b.slots = make([]slot, 2*len(old))
	last := uint32(len(b.slots) - 1)
	for _, s := range old {
		if s.offset == 0 {
			continue
		}
		at := s.hash & last
		for b.slots[at].offset != 0 {
			at = (at + 1) & last
		}
		b.slots[at] = s
	}
}

// finish makes the layer. The builder is of no use afterwards.
func (b *builder) finish() *layer {
	l := b.layer
	l.text = b.text.String()
	l.v4, l.v6 = newRanges(b.v4), newRanges(b.v6)
	return &l
}

// check refuses entries that ParseEntry didn't make.
func (e Entry) check() error {
	switch {
	case e.List < Allow || e.List > NotDisposable, e.Kind < Email || e.Kind > Range, e.Name == "", len(e.Name) > maxName, len(e.Written) > maxWritten:
	case kindOf(e.Name) != e.Kind && (e.Kind != Subdomains || kindOf(e.Name) != Domain):
	case e.List.aboutDisposable() && e.Kind != Domain:
	default:
		return nil
	}
	return fmt.Errorf("the entry %q of the list %s is damaged: remove it and add it again", clip(e.Name), e.List)
}

// labels counts a domain's labels.
func labels(domain string) int { return strings.Count(domain, ".") + 1 }
