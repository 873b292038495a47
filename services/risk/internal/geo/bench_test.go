package geo

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/oschwald/maxminddb-golang/v2"
)

// spread returns addresses over the whole of IPv4, so that the benchmark doesn't measure one warm path through the file.
func spread() []netip.Addr {
	ips := make([]netip.Addr, 1<<12)
	for i := range ips {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(i)*2654435761) // Knuth's multiplicative hash
		ips[i] = netip.AddrFrom4(b)
	}
	return ips
}

func TestLookupDoesNotAllocate(t *testing.T) {
	db, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	ips := spread()
	for _, ip := range ips {
		db.Lookup(ip)
	}
	// AllocsPerRun rounds down, so one run covers all addresses.
	if n := testing.AllocsPerRun(1, func() {
		for _, ip := range ips {
			db.Lookup(ip)
		}
	}); n != 0 {
		t.Errorf("%d look-ups allocate %.0f times", len(ips), n)
	}
}

// Every code of the file has a row, save those withdrawn; every row with a radius has a place on the globe.
func TestTableCoversTheAddressFile(t *testing.T) {
	db, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	withdrawn := map[string]bool{"AN": true}
	offsets := map[uintptr]bool{}
	for result := range db.reader.Networks() {
		if offsets[result.Offset()] {
			continue
		}
		offsets[result.Offset()] = true
		var r record
		if err := result.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if _, ok := Parse(r.Code); !ok && !withdrawn[r.Code] {
			t.Errorf("the address file's %q isn't in the table", r.Code)
		}
	}
	for i, c := range countries {
		if i > 0 && countries[i-1].code >= c.code {
			t.Errorf("%s is out of order", c.code)
		}
		if c.name == "" || !(c.lat >= -90 && c.lat <= 90) || !(c.lon >= -180 && c.lon <= 180) || !(c.radius > 0) {
			t.Errorf("%s is incomplete: %+v", c.code, c)
		}
	}
}

// BenchmarkLookup sets Lookup beside the reader it is built on, decoding the same record.
func BenchmarkLookup(b *testing.B) {
	db, err := Open()
	if err != nil {
		b.Fatal(err)
	}
	ips := spread()
	b.Run("geo", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			db.Lookup(ips[i%len(ips)])
		}
	})
	b.Run("bare", func(b *testing.B) {
		reader, err := maxminddb.OpenBytes(addressFile)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		var r record
		for i := 0; b.Loop(); i++ {
			_ = reader.Lookup(ips[i%len(ips)]).Decode(&r)
		}
	})
}
