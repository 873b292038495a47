package restriction_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/authn/internal/restriction"
)

// naive finds by comparing with every entry.
func naive(entries []restriction.Entry, a restriction.Address, ip netip.Addr) (address, network []string) {
	for _, e := range entries {
		var hit bool
		switch e.Kind {
		case restriction.Email:
			uncut := restriction.Rules{Providers: []restriction.Provider{{Domain: a.Domain()}}} // no separators: only what providers ignore is left out
			whole, _ := uncut.Address(a.Canonical())
			hit = e.Name == whole.Mailbox() || e.List == restriction.Block && e.Name == a.Mailbox()
		case restriction.Domain:
			hit = e.Name == a.Domain()
			if e.List == restriction.Disposable || e.List == restriction.NotDisposable {
				hit = hit || strings.HasSuffix(a.Domain(), "."+e.Name)
			}
		case restriction.Subdomains:
			hit = strings.HasSuffix(a.Domain(), "."+e.Name)
		case restriction.Range:
			if netip.MustParsePrefix(e.Name).Contains(ip.Unmap()) {
				network = append(network, say(e))
			}
		}
		if hit {
			address = append(address, say(e))
		}
	}
	return sorted(address), sorted(network)
}

func say(e restriction.Entry) string { return e.List.String() + " " + e.String() }

func sorted(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

func said(all []restriction.Entry) []string {
	var s []string
	for _, e := range all {
		s = append(s, say(e))
	}
	slices.Sort(s)
	return s
}

// Whatever is added and taken out, in however many steps, an index finds what a search through the whole list does.
func TestAnIndexFindsWhatASearchThroughTheListDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(someEntry(restriction.Lists()...), 0, 40).Draw(t, "entries")
		x, err := restriction.NewIndex(slices.Values(entries))
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			x, entries = change(t, x, entries)
		}
		agrees(t, x, entries)
	})
}

func change(t *rapid.T, x *restriction.Index, entries []restriction.Entry) (*restriction.Index, []restriction.Entry) {
	var changes []restriction.Change
	for range rapid.IntRange(0, 6).Draw(t, "size") {
		c := restriction.Change{Entry: someEntry(restriction.Lists()...).Draw(t, "entry"), Remove: rapid.Bool().Draw(t, "remove")}
		if c.Remove && len(entries) > 0 && rapid.Bool().Draw(t, "one that is there") {
			c.Entry = rapid.SampledFrom(entries).Draw(t, "removed")
		}
		entries = slices.DeleteFunc(slices.Clone(entries), func(e restriction.Entry) bool { return say(e) == say(c.Entry) })
		if !c.Remove {
			entries = append(entries, c.Entry)
		}
		changes = append(changes, c)
	}
	next, err := x.With(changes...)
	if err != nil {
		t.Fatal(err)
	}
	return next, entries
}

func agrees(t *rapid.T, x *restriction.Index, entries []restriction.Entry) {
	if diff := cmp.Diff(sorted(said(entries)), said(slices.Collect(x.All()))); diff != "" {
		t.Fatalf("the index has other entries (-list +index):\n%s", diff)
	}
	for _, list := range restriction.Lists() {
		var want []string
		for _, e := range entries {
			if e.List == list {
				want = append(want, say(e))
			}
		}
		if got := x.Total(list); got != len(sorted(want)) {
			t.Fatalf("%s counts %d, want %d", list, got, len(sorted(want)))
		}
	}
	rules := restriction.Default()
	for range 5 {
		a, ok := rules.Address(someEmail().Draw(t, "email"))
		if !ok {
			t.Fatal("an address can't be read")
		}
		ip := someIP().Draw(t, "ip")
		address, network := naive(entries, a, ip)
		if diff := cmp.Diff(address, said(x.FindAddress(nil, a))); diff != "" {
			t.Fatalf("%s (-list +index):\n%s", a.Canonical(), diff)
		}
		if diff := cmp.Diff(network, said(x.FindIP(nil, ip))); diff != "" {
			t.Fatalf("%s (-list +index):\n%s", ip, diff)
		}
	}
}

func TestNestedRangesAreFoundFromTheNarrowestOn(t *testing.T) {
	x := index(t, "block 10.0.0.0/8", "block 10.1.0.0/16", "allow 10.1.2.0/24", "block 10.1.2.3", "block 10.1.4.0/24", "block 0.0.0.0/0", "block ::/0")
	for ip, want := range map[string][]string{
		"10.1.2.3":        {"10.1.2.3", "10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0"},
		"10.1.2.4":        {"10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0"},
		"10.1.5.1":        {"10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0"},
		"10.255.255.255":  {"10.0.0.0/8", "0.0.0.0/0"},
		"11.0.0.0":        {"0.0.0.0/0"},
		"255.255.255.255": {"0.0.0.0/0"},
		"::ffff:10.1.2.3": {"10.1.2.3", "10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0"},
		"2001:db8::1":     {"::/0"},
		"fe80::1%eth0":    {"::/0"},
	} {
		var got []string
		for _, e := range x.FindIP(nil, netip.MustParseAddr(ip)) {
			got = append(got, e.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", ip, diff)
		}
	}
	if found := x.FindIP(nil, netip.Addr{}); found != nil {
		t.Errorf("no address is in %v", found)
	}
}

func TestTheOperatorsSpellingIsKept(t *testing.T) {
	x := index(t, "block *.BÜCHER.example", "allow Bücher.Example", "block bücher.example", "block 2001:DB8:0::/32")
	var got []string
	for e := range x.All() {
		got = append(got, e.List.String()+" "+e.AsWritten())
	}
	slices.Sort(got)
	want := []string{"allow Bücher.Example", "block *.BÜCHER.example", "block 2001:DB8:0::/32", "block bücher.example"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spellings (-want +got):\n%s", diff)
	}
	next, err := x.With(
		restriction.Change{Entry: entry(t, restriction.Block, "BÜCHER.example")},
		restriction.Change{Entry: entry(t, restriction.Allow, "bücher.example"), Remove: true})
	if err != nil {
		t.Fatal(err)
	}
	found := next.FindAddress(nil, readable(t, "u@bücher.example"))
	if len(found) != 1 || found[0].AsWritten() != "BÜCHER.example" || found[0].List != restriction.Block {
		t.Errorf("found %+v", found)
	}
}

func readable(t testing.TB, typed string) restriction.Address {
	t.Helper()
	a, ok := restriction.Default().Address(typed)
	if !ok {
		t.Fatalf("%s can't be read", typed)
	}
	return a
}

// More changes than the small layer takes build a new base; no index before that sees any of them.
func TestManyChangesAreMergedAndLeaveOlderIndexesAlone(t *testing.T) {
	first := index(t, "block old.example", "block gone.example")
	x := first
	var err error
	for i := range 210 {
		var changes []restriction.Change
		for j := range 10 {
			changes = append(changes, restriction.Change{Entry: entry(t, restriction.Block, fmt.Sprintf("u%d@example.com", 10*i+j))})
		}
		if i == 1 {
			changes = append(changes, restriction.Change{Entry: entry(t, restriction.Block, "gone.example"), Remove: true})
		}
		if x, err = x.With(changes...); err != nil {
			t.Fatal(err)
		}
	}
	if got := x.Count(restriction.Block, restriction.Email); got != 2100 {
		t.Errorf("%d emails, want 2100", got)
	}
	for written, want := range map[string]bool{"u0@example.com": true, "u2099@example.com": true, "u2100@example.com": false, "old.example": true, "gone.example": false} {
		if got := x.Has(entry(t, restriction.Block, written)); got != want {
			t.Errorf("%s: has = %t", written, got)
		}
	}
	if first.Total(restriction.Block) != 2 || first.Has(entry(t, restriction.Block, "u0@example.com")) || !first.Has(entry(t, restriction.Block, "gone.example")) {
		t.Error("the first index has changed")
	}
	many := make([]restriction.Change, 3000)
	for i := range many {
		many[i] = restriction.Change{Entry: entry(t, restriction.Block, fmt.Sprintf("u%d@example.com", i)), Remove: true}
	}
	if x, err = x.With(many...); err != nil || x.Total(restriction.Block) != 1 {
		t.Errorf("after removing all but one: %d, %v", x.Total(restriction.Block), err)
	}
}

func TestDamagedEntriesAreRefused(t *testing.T) {
	good := entry(t, restriction.Block, "example.com")
	for name, damage := range map[string]func(*restriction.Entry){
		"no list":             func(e *restriction.Entry) { e.List = 0 },
		"no kind":             func(e *restriction.Entry) { e.Kind = 0 },
		"no name":             func(e *restriction.Entry) { e.Name = "" },
		"a long name":         func(e *restriction.Entry) { e.Name = strings.Repeat("a", 255) },
		"a long spelling":     func(e *restriction.Entry) { e.Written = strings.Repeat("a", 1025) },
		"another kind":        func(e *restriction.Entry) { e.Kind = restriction.Email },
		"no range":            func(e *restriction.Entry) { e.Kind, e.Name = restriction.Range, "192.0.2.0/33" },
		"a range beyond":      func(e *restriction.Entry) { e.Kind, e.Name = restriction.Range, "192.0.2.7/24" },
		"IPv4 in IPv6's form": func(e *restriction.Entry) { e.Kind, e.Name = restriction.Range, "::ffff:192.0.2.0/120" },
		"a disposable range": func(e *restriction.Entry) {
			e.List, e.Kind, e.Name = restriction.Disposable, restriction.Range, "192.0.2.0/24"
		},
	} {
		t.Run(name, func(t *testing.T) {
			bad := good
			damage(&bad)
			if x, err := restriction.NewIndex(slices.Values([]restriction.Entry{good, bad})); err == nil || x != nil {
				t.Errorf("an index is built of %+v: %v", bad, err)
			}
			x := index(t)
			if next, err := x.With(restriction.Change{Entry: good}, restriction.Change{Entry: bad}); err == nil || next != nil {
				t.Errorf("a change with %+v is taken: %v", bad, err)
			}
			if x.Has(good) {
				t.Error("half of the change was made")
			}
		})
	}
}

// Many read while one changes, as the flows do with an index that stands in an atomic pointer.
func TestReadersAndAWriterShareIndexes(t *testing.T) {
	var current atomic.Pointer[restriction.Index]
	current.Store(index(t, "block *.example.com", "block 192.0.2.0/24"))
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				got := restriction.Judge(restriction.Subject{Email: "u@a.example.com", IP: somewhere}, restriction.Default(), current.Load())
				if got.Allowed || got.Reason != restriction.AddressBlocked {
					t.Errorf("judged %+v", got)
					return
				}
			}
		})
	}
	for i := range 300 {
		e := entry(t, restriction.Block, fmt.Sprintf("10.51.%d.0/24", i%128))
		next, err := current.Load().With(restriction.Change{Entry: e, Remove: i >= 128})
		if err != nil {
			t.Fatal(err)
		}
		current.Store(next)
	}
	close(done)
	readers.Wait()
}

func TestLookingUpDoesNotAllocate(t *testing.T) {
	x := index(t, "block *.example.com", "block bad@example.com", "block Bücher.example", "allow 192.0.2.0/24", "block 192.0.0.0/8")
	x, err := x.With(restriction.Change{Entry: entry(t, restriction.Block, "*.b.example.com")})
	if err != nil {
		t.Fatal(err)
	}
	addresses := []restriction.Address{
		readable(t, "bad+1@example.com"), readable(t, "u@a.b.example.com"), readable(t, "u@bücher.example"), readable(t, "u@elsewhere.example"),
	}
	ip := netip.MustParseAddr("192.0.2.7")
	var room [8]restriction.Entry
	if n := testing.AllocsPerRun(100, func() {
		for _, a := range addresses {
			_ = x.FindAddress(room[:0], a)
		}
		_ = x.FindIP(room[:0], ip)
	}); n != 0 {
		t.Errorf("look-ups allocate %.0f times", n)
	}
}

// A domain can have 127 labels, and each may be the one that somebody blocked.
func TestDomainsOfManyLabelsAreSearchedToTheTop(t *testing.T) {
	deep := strings.Repeat("a.", 118) + "example"
	for _, labels := range []int{1, 2, 63, 64, 65, 118} {
		parts := strings.Split(deep, ".")
		above := strings.Join(parts[len(parts)-labels:], ".")
		x := index(t, "block *."+above)
		found := x.FindAddress(nil, readable(t, "u@"+deep))
		if len(found) != 1 || found[0].Name != above {
			t.Errorf("%d labels: found %v", labels, found)
		}
		if found := x.FindAddress(nil, readable(t, "u@"+above)); found != nil {
			t.Errorf("%d labels: the domain itself is found: %v", labels, found)
		}
	}
}
