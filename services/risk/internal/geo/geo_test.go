package geo_test

import (
	"math"
	"net/netip"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/risk/internal/geo"
)

func open(t testing.TB) *geo.DB {
	t.Helper()
	db, err := geo.Open()
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestLookupKnowsWellKnownAddresses(t *testing.T) {
	db := open(t)
	for ip, want := range map[string]geo.Country{
		"8.8.8.8":              "US", // Google's public resolver
		"::ffff:8.8.8.8":       "US", // the same, as a dual-stack socket reports it
		"193.0.6.139":          "NL", // RIPE NCC
		"133.11.0.1":           "JP", // University of Tokyo
		"2001:4860:4860::8888": "US",
		"2001:67c:2e8:22::1":   "NL",
	} {
		if got, ok := db.Lookup(netip.MustParseAddr(ip)); !ok || got != want {
			t.Errorf("Lookup(%s) = %q, %t, want %q", ip, got, ok, want)
		}
	}
}

func TestLookupSaysUnknownForAddressesOfNoPlace(t *testing.T) {
	db := open(t)
	for _, ip := range []string{
		"0.0.0.0", "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.1.1", "100.64.0.1", "192.0.2.1",
		"198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "fe80::1", "fe80::1%eth0", "2a00:1450::1%eth0", "fd00::1", "ff02::1", "2001:db8::1", "3fff::1",
		"2002:808:808::1", "2001::1", "64:ff9b::808:808", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
	} {
		if got, ok := db.Lookup(netip.MustParseAddr(ip)); ok || got != geo.Unknown {
			t.Errorf("Lookup(%s) = %q, %t, want unknown", ip, got, ok)
		}
	}
	if got, ok := db.Lookup(netip.Addr{}); ok || got != geo.Unknown {
		t.Errorf("Lookup of no address = %q, %t, want unknown", got, ok)
	}
}

func TestLookupAnswersForAnyAddress(t *testing.T) {
	db := open(t)
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")
		ip := netip.AddrFrom16([16]byte(raw))
		if rapid.Bool().Draw(t, "IPv4") {
			ip = netip.AddrFrom4([4]byte(raw[:4]))
		}
		country, ok := db.Lookup(ip)
		if ok != country.Known() || (!ok && country != geo.Unknown) {
			t.Fatalf("Lookup(%s) = %q, %t", ip, country, ok)
		}
	})
}

func TestAddressFileIsDated(t *testing.T) {
	if built := open(t).BuiltAt(); built.Before(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("BuiltAt = %s, want the date of the file that ships", built)
	}
}

func TestSampleFindsAddressesOfTheCountry(t *testing.T) {
	db := open(t)
	seen := map[netip.Addr]geo.Country{}
	for _, c := range []geo.Country{"DE", "US", "BR", "JP", "NZ", "ZA", "TV"} {
		ip, ok := db.Sample(c)
		if !ok {
			t.Errorf("Sample(%s) found nothing", c)
			continue
		}
		if got, _ := db.Lookup(ip); got != c {
			t.Errorf("Sample(%s) = %s, which is in %q", c, ip, got)
		}
		if again, _ := db.Sample(c); again != ip {
			t.Errorf("Sample(%s) = %s, then %s", c, ip, again)
		}
		if other, taken := seen[ip]; taken {
			t.Errorf("Sample(%s) and Sample(%s) are both %s", c, other, ip)
		}
		seen[ip] = c
	}
	for _, c := range []geo.Country{geo.Unknown, "ZZ", "de"} {
		if ip, ok := db.Sample(c); ok {
			t.Errorf("Sample(%q) = %s, want none", c, ip)
		}
	}
}

func TestDistancesAreThoseOfTheGlobe(t *testing.T) {
	for _, tc := range []struct {
		a, b     geo.Country
		from, to float64
	}{
		{"DE", "FR", 650, 900},
		{"DE", "US", 7500, 8100},
		{"GB", "AU", 14500, 15700},
		{"NZ", "ES", 19000, 20016}, // nearly antipodes; half the circumference is the most
		{"FJ", "TV", 900, 1300},    // across the date line
		{"RU", "US", 8000, 10000},
	} {
		km, ok := geo.Distance(tc.a, tc.b)
		if !ok || km < tc.from || km > tc.to {
			t.Errorf("Distance(%s, %s) = %.0f, %t, want %.0f to %.0f", tc.a, tc.b, km, ok, tc.from, tc.to)
		}
	}
}

func TestGapIsZeroForNeighbours(t *testing.T) {
	for _, pair := range [][2]geo.Country{
		{"DE", "FR"}, {"US", "CA"}, {"US", "MX"}, {"RU", "CN"}, {"ES", "PT"}, {"IN", "PK"}, {"VA", "IT"}, {"ZA", "LS"},
	} {
		if km, ok := geo.Gap(pair[0], pair[1]); !ok || km != 0 {
			t.Errorf("Gap(%s, %s) = %.0f, %t, want 0", pair[0], pair[1], km, ok)
		}
	}
}

// A gap must not claim more than the way between cities near the borders that face each other (their distance, rounded up).
func TestGapNeverExceedsTheWayBetweenNearCities(t *testing.T) {
	for _, tc := range []struct {
		a, b geo.Country
		most float64
	}{
		{"US", "IE", 4640}, // Boston, Galway
		{"US", "GB", 5000}, // Boston, Bristol
		{"US", "JP", 7720}, // Seattle, Tokyo
		{"FR", "DZ", 760},  // Marseille, Algiers
		{"BR", "SN", 3000}, // Natal, Dakar
	} {
		if km, ok := geo.Gap(tc.a, tc.b); !ok || km > tc.most {
			t.Errorf("Gap(%s, %s) = %.0f, %t, want at most %.0f", tc.a, tc.b, km, ok, tc.most)
		}
	}
	if km, _ := geo.Gap("DE", "BR"); km < 4000 {
		t.Errorf("Gap(DE, BR) = %.0f: too small to tell anything", km)
	}
}

func TestDistanceIsSymmetricAndGapIsBelowIt(t *testing.T) {
	codes := rapid.StringMatching("[A-Z]{2}")
	rapid.Check(t, func(t *rapid.T) {
		a, b := geo.Country(codes.Draw(t, "a")), geo.Country(codes.Draw(t, "b"))
		there, ok := geo.Distance(a, b)
		back, okBack := geo.Distance(b, a)
		gap, okGap := geo.Gap(a, b)
		if ok != okBack || ok != okGap || math.Abs(there-back) > 1e-6 || gap > there || gap < 0 {
			t.Fatalf("%s, %s: %f and %f, gap %f", a, b, there, back, gap)
		}
		if ok && !(a.Known() && b.Known()) {
			t.Fatalf("%s, %s: a distance of a country that isn't known", a, b)
		}
	})
}

func TestNamesAreForPeople(t *testing.T) {
	for c, want := range map[geo.Country]string{
		"DE": "Germany", "US": "United States", "XK": "Kosovo", "CI": "Côte d’Ivoire",
		geo.Unknown: "an unknown country", "ZZ": "an unknown country", "d": "an unknown country",
	} {
		if got := c.Name(); got != want {
			t.Errorf("%q.Name() = %q, want %q", string(c), got, want)
		}
	}
}

func TestParseTakesPresentDayCodesOnly(t *testing.T) {
	for _, code := range []string{"", "D", "de", "DEU", "ZZ", "AN", "EU", "ÄÖ", "D\x00", "T1"} {
		if c, ok := geo.Parse(code); ok || c != geo.Unknown {
			t.Errorf("Parse(%q) = %q, %t", code, c, ok)
		}
	}
	if c, ok := geo.Parse("CH"); !ok || c != "CH" {
		t.Errorf("Parse(CH) = %q, %t", c, ok)
	}
}

func TestLookupServesManyCallersAtOnce(t *testing.T) {
	db := open(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for first := range 224 {
				ip := netip.AddrFrom4([4]byte{byte(first), 8, 8, 8})
				a, _ := db.Lookup(ip)
				if b, _ := db.Lookup(ip); a != b {
					t.Errorf("Lookup(%s) = %q, then %q", ip, a, b)
				}
			}
		})
	}
	group.Wait()
}
