package main

import (
	"math"
	"testing"
)

// box is the outline of an area between two parallels and two meridians, with corners close enough together that the great
// circles between them follow the parallels.
func box(south, west, north, east float64) []point {
	const steps = 400
	var ring []point
	for i := range steps + 1 {
		ring = append(ring, at(south, west+(east-west)*float64(i)/steps))
	}
	for i := range steps + 1 {
		ring = append(ring, at(north, east-(east-west)*float64(i)/steps))
	}
	return append(ring, ring[0])
}

func reversed(ring []point) []point {
	var back []point
	for i := range ring {
		back = append(back, ring[len(ring)-1-i])
	}
	return back
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s = %.3f, want %.3f", what, got, want)
	}
}

func TestCentroidOfABoxIsItsMiddle(t *testing.T) {
	for name, ring := range map[string][]point{
		"at the equator":      box(-5, 10, 5, 20),
		"the other way round": reversed(box(-5, 10, 5, 20)),
	} {
		t.Run(name, func(t *testing.T) {
			centroid, radius := measure([]piece{newPiece([][]point{ring})})
			lat, lon := centroid.degrees()
			near(t, "latitude", lat, 0, 0.01)
			near(t, "longitude", lon, 15, 0.01)
			near(t, "radius", radius, at(0, 15).distance(at(5, 10)), 1)
		})
	}
}

func TestCentroidAcrossTheDateLine(t *testing.T) {
	centroid, _ := measure([]piece{newPiece([][]point{box(-5, 175, 5, 179.999)}), newPiece([][]point{box(-5, -179.999, 5, -175)})})
	_, lon := centroid.degrees()
	near(t, "longitude", math.Abs(lon), 180, 0.01)
}

func TestHolesAndFarPiecesDontPullTheCentroid(t *testing.T) {
	land := [][]point{box(-5, 10, 5, 20), reversed(box(-1, 18, 1, 19.9))}
	centroid, radius := measure([]piece{newPiece(land), newPiece([][]point{box(-1, 60, 1, 62)})})
	_, lon := centroid.degrees()
	if lon >= 15 {
		t.Errorf("longitude = %.3f, want it west of the box's middle, away from the hole", lon)
	}
	if radius > 1000 {
		t.Errorf("radius = %.0f: it spans a piece far smaller than a quarter", radius)
	}
}

func TestAreaIsThatOfTheSphere(t *testing.T) {
	// A box of a degree each way at the equator: (π/180)² steradians, but for a ten-thousandth.
	degree := math.Pi / 180
	near(t, "area × 10⁴", newPiece([][]point{box(-0.5, 0, 0.5, 1)}).area()*1e4, degree*degree*1e4, 0.001)
}

func TestDotKeepsItsPlace(t *testing.T) {
	spot := at(41.9, 12.45)
	centroid, radius := measure([]piece{newPiece([][]point{{spot, spot, spot}})})
	lat, lon := centroid.degrees()
	near(t, "latitude", lat, 41.9, 1e-6)
	near(t, "longitude", lon, 12.45, 1e-6)
	near(t, "radius", radius, 1, 0)
}

func TestArcsAreSharedAndReadBackwards(t *testing.T) {
	topo := topology{Arcs: [][][2]float64{{{0, 0}, {10, 0}, {0, 10}}, {{0, 0}, {0, 10}, {10, 0}}}}
	topo.Transform.Scale = [2]float64{1, 1}
	pieces, err := topo.pieces(geometry{Type: "Polygon", Arcs: []byte(`[[0,-2]]`)})
	if err != nil {
		t.Fatal(err)
	}
	outline := pieces[0].outline
	if first, last := outline[0], outline[len(outline)-1]; first != last {
		t.Errorf("the outline ends at %v, not where it began, %v", last, first)
	}
	if _, err := topo.pieces(geometry{Type: "Point"}); err == nil {
		t.Error("a point passed for a shape")
	}
}
