package geo

import "math"

// Country is an ISO 3166-1 alpha-2 code in capitals, such as "DE", or XK for Kosovo. The zero value, Unknown, is no country.
type Country string

// Unknown is the country of an address that can't be placed.
const Unknown Country = ""

// country is a row of the generated table.
type country struct {
	code     Country
	name     string
	lat, lon float64 // centroid, in degrees
	radius   float64 // km from the centroid to the farthest point of the mainland; 0 where the country has no shape in the data
}

// earthRadiusKm is the mean radius R1 of the IUGG.
const earthRadiusKm = 6371.0088

// codes is the size of a table indexed by two capital letters.
const codes = 26 * 26

// rowOf maps a code to its row in countries plus one; zero says that there is no such country.
var rowOf = func() (rows [codes]uint16) {
	for i, c := range countries {
		at, _ := cell(string(c.code))
		rows[at] = uint16(i) + 1
	}
	return rows
}()

// cell turns two capital letters into an index below codes.
func cell(code string) (int, bool) {
	if len(code) != 2 || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z' {
		return 0, false
	}
	return int(code[0]-'A')*26 + int(code[1]-'A'), true
}

func row(code string) (*country, bool) {
	at, ok := cell(code)
	if !ok || rowOf[at] == 0 {
		return nil, false
	}
	return &countries[rowOf[at]-1], true
}

// Parse returns the country with this code; false for anything that isn't the code of a present-day country in capitals.
func Parse(code string) (Country, bool) {
	c, ok := row(code)
	if !ok {
		return Unknown, false
	}
	return c.code, true
}

// Known reports whether c is a country of the table.
func (c Country) Known() bool {
	_, ok := row(string(c))
	return ok
}

// Name is the country's English name for people to read, such as "Germany", and "an unknown country" for any other value.
func (c Country) Name() string {
	if r, ok := row(string(c)); ok {
		return r.name
	}
	return "an unknown country"
}

// Distance is the great-circle distance between the centroids of two countries in km; false if either has no place.
func Distance(a, b Country) (km float64, ok bool) {
	ra, rb, ok := places(a, b)
	if !ok {
		return 0, false
	}
	return haversine(ra.lat, ra.lon, rb.lat, rb.lon), true
}

// Gap is a lower bound, in km, of the way between somebody in a and somebody in b: the distance of the centroids less the
// radius of both. It is 0 for neighbours and for one and the same country; false if either has no place.
//
// The radius spans a country's mainland and every piece at least a quarter as large as its largest (so both islands of New
// Zealand, but neither Hawaii nor the Canaries). The bound therefore doesn't hold for travellers from such far parts.
func Gap(a, b Country) (km float64, ok bool) {
	ra, rb, ok := places(a, b)
	if !ok {
		return 0, false
	}
	if a == b {
		return 0, true
	}
	return max(0, haversine(ra.lat, ra.lon, rb.lat, rb.lon)-ra.radius-rb.radius), true
}

// places returns the rows of two countries that both have a shape.
func places(a, b Country) (ra, rb *country, ok bool) {
	ra, okA := row(string(a))
	rb, okB := row(string(b))
	if !okA || !okB || ra.radius == 0 || rb.radius == 0 {
		return nil, nil, false
	}
	return ra, rb, true
}

// haversine is the great-circle distance of two points given in degrees, on a sphere.
func haversine(lat1, lon1, lat2, lon2 float64) float64 {
	const rad = math.Pi / 180
	sinLat := math.Sin((lat2 - lat1) * rad / 2)
	sinLon := math.Sin((lon2 - lon1) * rad / 2)
	h := sinLat*sinLat + math.Cos(lat1*rad)*math.Cos(lat2*rad)*sinLon*sinLon
	return 2 * earthRadiusKm * math.Asin(math.Min(1, math.Sqrt(h)))
}
