package risk

import (
	"fmt"
	"net/netip"

	"github.com/doorward/doorward/services/risk/internal/geo"
)

// SampleAddress finds an address of a country (ISO 3166-1 alpha-2) in the data that Assess looks addresses up in, and the country's name. It is
// for demonstrations and tests, which need somebody from somewhere: always the same one while the data is the same.
func SampleAddress(country string) (address netip.Addr, name string, err error) {
	code, ok := geo.Parse(country)
	if !ok {
		return netip.Addr{}, "", fmt.Errorf("%q is no country's code", country)
	}
	places, err := geo.Open()
	if err != nil {
		return netip.Addr{}, "", err
	}
	address, ok = places.Sample(code)
	if !ok {
		return netip.Addr{}, "", fmt.Errorf("the country data has no address of %s", code.Name())
	}
	return address, code.Name(), nil
}
