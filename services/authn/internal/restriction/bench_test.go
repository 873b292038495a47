package restriction_test

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/services/authn/internal/restriction"
)

const million = 1_000_000

// entryOf is one of a million entries: of ten, four emails, three domains, one with all below it, and two ranges.
func entryOf(i int) restriction.Entry {
	e := restriction.Entry{List: restriction.Block}
	switch i % 10 {
	case 0, 1, 2, 3:
		e.Kind, e.Name = restriction.Email, fmt.Sprintf("person.%07d@mail%d.example", i, i%5000)
	case 4, 5, 6:
		e.Kind, e.Name = restriction.Domain, fmt.Sprintf("d%07d.example.com", i)
	case 7:
		e.Kind, e.Name = restriction.Subdomains, fmt.Sprintf("s%07d.example.org", i)
	case 8:
		e.Kind, e.Name = restriction.Range, netip.PrefixFrom(ip4(i), 32).String()
	default:
		e.Kind, e.Name = restriction.Range, netip.PrefixFrom(ip6(i), 64).Masked().String()
	}
	return e
}

func ip4(i int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(i)*2654435761) // Knuth's multiplicative hash
	return netip.AddrFrom4(b)
}

func ip6(i int) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], 0x2000_0000_0000_0000|uint64(i)*0x9e3779b97f4a7c15>>3)
	return netip.AddrFrom16(b)
}

func millionEntries() iter.Seq[restriction.Entry] {
	return func(yield func(restriction.Entry) bool) {
		for i := range million {
			if !yield(entryOf(i)) {
				return
			}
		}
	}
}

// made is an index of a million entries, and a Go map with the same names.
type made struct {
	index                  *restriction.Index
	names                  map[string]struct{}
	took                   time.Duration
	indexMemory, mapMemory uint64
	typed                  map[string][]string
	ips                    []netip.Addr
	addresses              map[string][]restriction.Address
}

// kinds are sorts of addresses to look up.
var kinds = []string{"email", "domain", "below", "miss"}

var makeMillion = sync.OnceValues(func() (made, error) {
	all := make([]restriction.Entry, 0, million)
	for e := range millionEntries() {
		all = append(all, e)
	}
	m := made{names: map[string]struct{}{}, typed: map[string][]string{}, addresses: map[string][]restriction.Address{}}
	before := heap()
	began := time.Now()
	var err error
	if m.index, err = restriction.NewIndex(func(yield func(restriction.Entry) bool) {
		for _, e := range all {
			if !yield(e) {
				return
			}
		}
	}); err != nil {
		return made{}, err
	}
	m.took = time.Since(began)
	m.indexMemory = heap() - before
	before = heap()
	for _, e := range all {
		m.names[string([]byte(e.Name))] = struct{}{}
	}
	m.mapMemory = heap() - before
	runtime.KeepAlive(all)
	return m, m.subjects()
})

// subjects are spread over all entries, so that the caches don't hold what they touch.
func (m *made) subjects() error {
	for i := 0; i < million; i += 130 { // a multiple of ten, so i%10 == 0
		m.typed["email"] = append(m.typed["email"], entryOf(i).Name)
		m.typed["domain"] = append(m.typed["domain"], "someone@"+entryOf(i+4).Name)
		m.typed["below"] = append(m.typed["below"], "someone@a.b.c.d.e."+entryOf(i+7).Name)
		m.typed["miss"] = append(m.typed["miss"], fmt.Sprintf("someone%d@mail.company%d.example.net", i, i))
		m.ips = append(m.ips, ip4(i+8), ip6(i+9))
	}
	for kind, all := range m.typed {
		for _, typed := range all {
			a, ok := restriction.Default().Address(typed)
			if !ok {
				return fmt.Errorf("%s can't be read", typed)
			}
			m.addresses[kind] = append(m.addresses[kind], a)
		}
	}
	return nil
}

// heap is what is in use when all garbage is gone.
func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// timed is what one turn of n costs, in nanoseconds.
func timed(n int, turn func(i int)) float64 {
	began := time.Now()
	for i := range n {
		turn(i)
	}
	return float64(time.Since(began).Nanoseconds()) / float64(n)
}

// BenchmarkLookup finds an address and an IP address among a million entries, and sets it beside one look-up of each in a Go map, which
// would know no domains, no tags and no ranges.
func BenchmarkLookup(b *testing.B) {
	m, err := makeMillion()
	if err != nil {
		b.Fatal(err)
	}
	var room [16]restriction.Entry
	at := func(i int) (restriction.Address, netip.Addr) {
		kind := m.addresses[kinds[i%len(kinds)]]
		return kind[i%len(kind)], m.ips[i%len(m.ips)]
	}
	b.ReportAllocs()
	var found int
	for i := 0; b.Loop(); i++ {
		a, ip := at(i)
		found += len(m.index.FindIP(m.index.FindAddress(room[:0], a), ip))
	}
	b.StopTimer()
	if found < b.N {
		b.Fatalf("%d look-ups find %d entries", b.N, found)
	}
	const turns = 1 << 18
	for _, kind := range kinds {
		all := m.addresses[kind]
		b.ReportMetric(timed(turns, func(i int) { found += len(m.index.FindAddress(room[:0], all[i%len(all)])) }), kind+"-ns/op")
	}
	b.ReportMetric(timed(turns, func(i int) { found += len(m.index.FindIP(room[:0], m.ips[i%len(m.ips)])) }), "ip-ns/op")
	hosts := make(map[netip.Addr]struct{}, len(m.ips))
	for _, ip := range m.ips {
		hosts[ip] = struct{}{}
	}
	b.ReportMetric(timed(turns, func(i int) {
		a, ip := at(i)
		_, name := m.names[a.Canonical()]
		_, host := hosts[ip]
		if name && host {
			found++
		}
	}), "map-ns/op")
	x := m.index
	b.ReportMetric(timed(500, func(i int) {
		e := restriction.Entry{List: restriction.Block, Kind: restriction.Email, Name: fmt.Sprintf("new%d@example.com", i)}
		if x, err = x.With(restriction.Change{Entry: e}); err != nil {
			b.Fatal(err)
		}
	})/1e3, "change-µs")
	b.ReportMetric(float64(m.took.Milliseconds()), "build-ms")
	b.ReportMetric(float64(m.indexMemory)/(1<<20), "index-MiB")
	b.ReportMetric(float64(m.mapMemory)/(1<<20), "map-MiB")
}

// BenchmarkJudge is the whole judgement of a typed address, with the reading of it.
func BenchmarkJudge(b *testing.B) {
	m, err := makeMillion()
	if err != nil {
		b.Fatal(err)
	}
	rules := restriction.Default()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		all := m.typed[kinds[i%len(kinds)]]
		restriction.Judge(restriction.Subject{Email: all[i%len(all)], IP: m.ips[i%len(m.ips)]}, rules, m.index)
	}
}
