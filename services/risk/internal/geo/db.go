package geo

import (
	_ "embed" // the address file
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

//go:embed data/country.mmdb
var addressFile []byte

// DB answers which country an address belongs to. It is read-only and safe for any number of callers.
type DB struct {
	reader *maxminddb.Reader
	// decoded keeps what each record of the file says, by its offset: the networks of a country share one record, so there
	// are about 250. A map is never changed once it is stored; who meets a new record stores a larger copy.
	decoded atomic.Pointer[map[uintptr]Country]
}

// maxDecoded bounds decoded, should a file not share its records.
const maxDecoded = 1 << 10

// record is one entry of the address file.
type record struct {
	Code string `maxminddb:"country_code"`
}

// Open opens the embedded address file.
func Open() (*DB, error) {
	reader, err := maxminddb.OpenBytes(addressFile)
	if err != nil {
		return nil, fmt.Errorf("geo: the embedded address file can't be read (make data renews it): %w", err)
	}
	db := &DB{reader: reader}
	db.decoded.Store(&map[uintptr]Country{})
	return db, nil
}

// BuiltAt is when the source built the address file.
func (db *DB) BuiltAt() time.Time { return db.reader.Metadata.BuildTime().UTC() }

// Lookup returns the country of an address; Unknown and false if it has none. It doesn't allocate, but for the first
// address of each country.
func (db *DB) Lookup(ip netip.Addr) (Country, bool) {
	ip = ip.Unmap()
	if !placed(ip) {
		return Unknown, false
	}
	return db.country(db.reader.Lookup(ip))
}

// country reads a record: Unknown for one that is missing, broken or holds no present-day country's code.
func (db *DB) country(result maxminddb.Result) (Country, bool) {
	if !result.Found() {
		return Unknown, false
	}
	c, ok := (*db.decoded.Load())[result.Offset()]
	if !ok {
		c = db.decode(result)
	}
	return c, c != Unknown
}

func (db *DB) decode(result maxminddb.Result) Country {
	var r record
	if result.Decode(&r) != nil {
		return Unknown
	}
	c, _ := Parse(r.Code)
	for {
		old := db.decoded.Load()
		if len(*old) >= maxDecoded {
			return c
		}
		larger := maps.Clone(*old)
		larger[result.Offset()] = c
		if db.decoded.CompareAndSwap(old, &larger) {
			return c
		}
	}
}

// Networks walks the networks of a country in the order of the file, IPv4 before IPv6. The walk reads the file up to the
// network last asked for: about 0.2 s to its end.
func (db *DB) Networks(c Country) iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		if !c.Known() {
			return
		}
		for result := range db.reader.Networks() {
			prefix := result.Prefix()
			if !placed(prefix.Addr().Unmap()) {
				continue
			}
			if found, ok := db.country(result); ok && found == c && !yield(prefix) {
				return
			}
		}
	}
}

// Sample finds an address of a country: the first one after the network address of the first network wide enough to have
// hosts. Two calls give the same address.
func (db *DB) Sample(c Country) (netip.Addr, bool) {
	for prefix := range db.Networks(c) {
		if prefix.Addr().BitLen()-prefix.Bits() < 2 {
			continue
		}
		ip := prefix.Addr().Next().Unmap()
		if found, ok := db.Lookup(ip); ok && found == c {
			return ip, true
		}
	}
	return netip.Addr{}, false
}
