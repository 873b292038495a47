package restriction

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// marks say which entries have a name, a bit for each. In their order the entries of one name are found: an exception from the disposable
// domains before what it excepts from.
type marks uint8

const (
	allowed marks = 1 << iota
	blocked
	allowedBelow
	blockedBelow
	notDisposable
	disposable
)

// throughDomains are the marks for which the domains above an address's own are looked up.
const throughDomains = allowedBelow | blockedBelow | disposable | notDisposable

// mark is an entry's bit.
func (e Entry) mark() marks {
	switch {
	case e.List == Disposable:
		return disposable
	case e.List == NotDisposable:
		return notDisposable
	case e.List == Allow && e.Kind == Subdomains:
		return allowedBelow
	case e.List == Block && e.Kind == Subdomains:
		return blockedBelow
	case e.List == Allow:
		return allowed
	default:
		return blocked
	}
}

// record is a name with its entries, as it stands in a layer's text:
//
//	length of the name, marks, marks of those with a spelling of their own, name, and each such spelling behind its length
type record string

const recordHead = 3

func (r record) name() string { return string(r[recordHead : recordHead+int(r[0])]) }
func (r record) marks() marks { return marks(r[1]) }

// written is the spelling of the entry with one mark; empty when it has none of its own.
func (r record) written(m marks) string {
	own := marks(r[2])
	if own&m == 0 {
		return ""
	}
	rest := string(r[recordHead+int(r[0]):])
	for range bits.OnesCount8(uint8(own & (m - 1))) {
		rest = rest[2+spellingLength(rest):]
	}
	return rest[2 : 2+spellingLength(rest)]
}

func spellingLength(s string) int { return int(s[0]) | int(s[1])<<8 }

// kindOf is what a name is, which its characters tell: an address has an @ and a range a slash, and neither is in a domain.
func kindOf(name string) Kind {
	switch {
	case strings.IndexByte(name, '@') >= 0:
		return Email
	case strings.IndexByte(name, '/') >= 0:
		return Range
	default:
		return Domain
	}
}

// append adds the record's entries that have one of the marks.
func (r record) append(found []Entry, wanted marks) []Entry {
	for left := r.marks() & wanted; left != 0; left &= left - 1 {
		found = append(found, r.entry(left&-left))
	}
	return found
}

func (r record) entry(m marks) Entry {
	e := Entry{Name: r.name(), Written: r.written(m)}
	switch m {
	case allowedBelow:
		e.List, e.Kind = Allow, Subdomains
	case blockedBelow:
		e.List, e.Kind = Block, Subdomains
	case disposable:
		e.List, e.Kind = Disposable, Domain
	case notDisposable:
		e.List, e.Kind = NotDisposable, Domain
	case allowed:
		e.List, e.Kind = Allow, kindOf(e.Name)
	default:
		e.List, e.Kind = Block, kindOf(e.Name)
	}
	return e
}

// entries are a name's entries while they are changed: a spelling for each mark.
type entries struct {
	marks     marks
	spellings [8]string
}

// entriesOf reads a record; an empty one has none.
func entriesOf(r record) entries {
	var e entries
	if r == "" {
		return e
	}
	e.marks = r.marks()
	for left := e.marks; left != 0; left &= left - 1 {
		m := left & -left
		e.spellings[bits.TrailingZeros8(uint8(m))] = r.written(m)
	}
	return e
}

func (e *entries) set(m marks, written string) {
	e.marks |= m
	e.spellings[bits.TrailingZeros8(uint8(m))] = written
}

func (e *entries) remove(m marks) {
	e.marks &^= m
	e.spellings[bits.TrailingZeros8(uint8(m))] = ""
}

// write appends the record to a layer's text.
func (e *entries) write(text *strings.Builder, name string) {
	var own marks
	for i, s := range e.spellings {
		if s != "" {
			own |= 1 << i
		}
	}
	_ = text.WriteByte(byte(len(name))) // a Builder takes everything
	_ = text.WriteByte(byte(e.marks))
	_ = text.WriteByte(byte(own))
	_, _ = text.WriteString(name)
	for _, s := range e.spellings {
		if s != "" {
			var length [2]byte
			binary.LittleEndian.PutUint16(length[:], uint16(len(s)))
			_, _ = text.Write(length[:])
			_, _ = text.WriteString(s)
		}
	}
}
