package restriction

import (
	"fmt"
	"iter"
	"net/netip"
	"strings"
)

// maxRecent bounds the entries that were changed since the base was built: a change copies them all, and one more than these builds a new base.
const maxRecent = 1024

// Index holds the entries of all lists for looking up. It is immutable and safe for any number of callers: a change makes another, which
// shares with it what is the same.
type Index struct {
	// base holds most entries. What recent has a record of counts in its place, also when that record is empty.
	base, recent *layer
	// shipped are the disposable domains that come with the program.
	shipped *layer
	counts  counts
}

// counts are how many entries there are of each kind in each list.
type counts [NotDisposable + 1][Range + 1]int

// Change adds an entry or takes it out.
type Change struct {
	Entry Entry
	// Remove takes it out; Written doesn't matter then.
	Remove bool
}

// NewIndex builds an index. Entries must come from ParseEntry, or from where one's fields were kept; what ParseEntry refuses would never be found.
// An entry that comes again replaces its spelling. It fails for damaged entries and for more than MaxEntries.
func NewIndex(entries iter.Seq[Entry]) (*Index, error) {
	shipped, err := shippedDisposable()
	if err != nil {
		return nil, err
	}
	b := newBuilder(0)
	for e := range entries {
		if err := b.add(e); err != nil {
			return nil, fmt.Errorf("restriction: %w", err)
		}
	}
	return newIndex(b.finish(), shipped), nil
}

func newIndex(base, shipped *layer) *Index {
	x := &Index{base: base, recent: &layer{}, shipped: shipped}
	for r := range base.records() {
		x.count(r, 1)
	}
	return x
}

// count adds a record's entries to the counts, or takes them away.
func (x *Index) count(r record, by int) {
	name := kindOf(r.name())
	for left := r.marks(); left != 0; left &= left - 1 {
		switch left & -left {
		case allowedBelow:
			x.counts[Allow][Subdomains] += by
		case blockedBelow:
			x.counts[Block][Subdomains] += by
		case disposable:
			x.counts[Disposable][Domain] += by
		case notDisposable:
			x.counts[NotDisposable][Domain] += by
		case allowed:
			x.counts[Allow][name] += by
		default:
			x.counts[Block][name] += by
		}
	}
}

// Count is how many entries of a kind a list has.
func (x *Index) Count(list List, kind Kind) int {
	if int(list) >= len(x.counts) || int(kind) >= len(x.counts[list]) {
		return 0
	}
	return x.counts[list][kind]
}

// Total is how many entries a list has.
func (x *Index) Total(list List) int {
	var total int
	for kind := Email; kind <= Range; kind++ {
		total += x.Count(list, kind)
	}
	return total
}

// Has says whether the index has an entry, however spelt.
func (x *Index) Has(e Entry) bool { return x.marksOf(e.Name)&e.mark() != 0 }

func (x *Index) marksOf(name string) marks {
	if r := x.get(name); r != "" {
		return r.marks()
	}
	return 0
}

// get finds a name's record.
func (x *Index) get(name string) record {
	if r := x.recent.get(name); r != "" {
		return r
	}
	return x.base.get(name)
}

// With makes an index with the changes, in their order. A few cost less than a millisecond, and now and then the time of a new base;
// the caller replaces the one index by the other. On an error there is no new index.
func (x *Index) With(changes ...Change) (*Index, error) {
	changed := map[string]entries{}
	for _, c := range changes {
		if err := c.Entry.check(); err != nil {
			return nil, fmt.Errorf("restriction: %w", err)
		}
		all, again := changed[c.Entry.Name]
		if !again {
			all = entriesOf(x.get(c.Entry.Name))
		}
		if c.Remove {
			all.remove(c.Entry.mark())
		} else {
			all.set(c.Entry.mark(), c.Entry.Written)
		}
		changed[c.Entry.Name] = all
	}
	if x.recent.used+len(changed) > maxRecent {
		return x.rebuilt(changed)
	}
	return x.layered(changed)
}

// layered puts the changes into the small layer.
func (x *Index) layered(changed map[string]entries) (*Index, error) {
	next := &Index{base: x.base, shipped: x.shipped, counts: x.counts}
	b := newBuilder(x.recent.used + len(changed))
	for r := range x.recent.records() {
		if _, again := changed[r.name()]; again {
			continue
		}
		if err := b.put(r.name(), entriesOf(r)); err != nil {
			return nil, fmt.Errorf("restriction: %w", err)
		}
	}
	for name, all := range changed {
		if err := b.put(name, all); err != nil {
			return nil, fmt.Errorf("restriction: %w", err)
		}
	}
	next.recent = b.finish()
	for name := range changed {
		if old := x.get(name); old != "" {
			next.count(old, -1)
		}
		next.count(next.recent.get(name), 1)
	}
	if next.tooMany() {
		return nil, fmt.Errorf("restriction: there would be more than %d entries: remove some", MaxEntries)
	}
	return next, nil
}

// tooMany looks at what a rebuilt base could have.
func (x *Index) tooMany() bool {
	var total int
	for _, l := range Lists() {
		total += x.Total(l)
	}
	return total > MaxEntries
}

// rebuilt makes a new base of both layers and the changes.
func (x *Index) rebuilt(changed map[string]entries) (*Index, error) {
	b := newBuilder(x.base.used)
	keep := func(r record) error {
		if _, again := changed[r.name()]; again || r.marks() == 0 {
			return nil
		}
		return b.put(r.name(), entriesOf(r))
	}
	for r := range x.base.records() {
		if x.recent.get(r.name()) != "" {
			continue
		}
		if err := keep(r); err != nil {
			return nil, fmt.Errorf("restriction: %w", err)
		}
	}
	for r := range x.recent.records() {
		if err := keep(r); err != nil {
			return nil, fmt.Errorf("restriction: %w", err)
		}
	}
	for name, all := range changed {
		if all.marks == 0 {
			continue
		}
		if err := b.put(name, all); err != nil {
			return nil, fmt.Errorf("restriction: %w", err)
		}
	}
	return newIndex(b.finish(), x.shipped), nil
}

// All walks all entries, in no order.
func (x *Index) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		var room [8]Entry
		walk := func(r record) bool {
			for _, e := range r.append(room[:0], ^marks(0)) {
				if !yield(e) {
					return false
				}
			}
			return true
		}
		for r := range x.recent.records() {
			if !walk(r) {
				return
			}
		}
		for r := range x.base.records() {
			if x.recent.get(r.name()) == "" && !walk(r) {
				return
			}
		}
	}
}

// FindAddress appends every entry that names an address, from the narrowest to the widest: the address itself, in Block also its
// mailbox, its domain, and the domains above that. It allocates nothing where found has room.
func (x *Index) FindAddress(found []Entry, a Address) []Entry {
	if r := x.get(a.name); r != "" {
		found = r.append(found, allowed|blocked)
	}
	if a.mailbox != a.name {
		if r := x.get(a.mailbox); r != "" {
			found = r.append(found, blocked)
		}
	}
	if r := x.get(a.domain); r != "" {
		found = r.append(found, allowed|blocked|disposable|notDisposable)
	}
	return x.findAbove(found, a.domain, throughDomains)
}

// findAbove appends the entries with one of the marks of the domains above one, from the nearest on.
func (x *Index) findAbove(found []Entry, domain string, wanted marks) []Entry {
	for left := labels(domain) - 1; left > 0; left-- {
		_, domain, _ = strings.Cut(domain, ".")
		if !x.base.depths.has(left) && !x.recent.depths.has(left) {
			continue
		}
		if r := x.get(domain); r != "" {
			found = r.append(found, wanted)
		}
	}
	return found
}

// FindIP appends every range that holds an address, the narrowest first in each of the two layers. It allocates nothing where found has room.
func (x *Index) FindIP(found []Entry, ip netip.Addr) []Entry {
	ip = ip.Unmap()
	if !ip.IsValid() {
		return found
	}
	found = x.recent.findIP(found, ip, nil)
	return x.base.findIP(found, ip, x.recent)
}

// findIP leaves out what the layer above has a record of.
func (l *layer) findIP(found []Entry, ip netip.Addr, above *layer) []Entry {
	all := &l.v6
	if ip.Is4() {
		all = &l.v4
	}
	for i := all.narrowest(number(ip)); i >= 0; i = all.rest[i].around {
		r := recordAt(l.text, all.rest[i].offset)
		if above == nil || above.get(r.name()) == "" {
			found = r.append(found, allowed|blocked)
		}
	}
	return found
}
