package main

import (
	"encoding/json"
	"fmt"
	"math"
)

const earthRadiusKm = 6371.0088

// point is a place on the unit sphere; sums of points are vectors of any length.
type point struct{ x, y, z float64 }

func at(lat, lon float64) point {
	const rad = math.Pi / 180
	return point{
		math.Cos(lat*rad) * math.Cos(lon*rad),
		math.Cos(lat*rad) * math.Sin(lon*rad),
		math.Sin(lat * rad),
	}
}

func (p point) degrees() (lat, lon float64) {
	const deg = 180 / math.Pi
	return math.Atan2(p.z, math.Hypot(p.x, p.y)) * deg, math.Atan2(p.y, p.x) * deg
}

func (p point) plus(q point) point    { return point{p.x + q.x, p.y + q.y, p.z + q.z} }
func (p point) times(f float64) point { return point{p.x * f, p.y * f, p.z * f} }
func (p point) dot(q point) float64   { return p.x*q.x + p.y*q.y + p.z*q.z }
func (p point) length() float64       { return math.Sqrt(p.dot(p)) }
func (p point) unit() point           { return p.times(1 / p.length()) }
func (p point) cross(q point) point {
	return point{p.y*q.z - p.z*q.y, p.z*q.x - p.x*q.z, p.x*q.y - p.y*q.x}
}
func (p point) angle(q point) float64    { return math.Atan2(p.cross(q).length(), p.dot(q)) }
func (p point) distance(q point) float64 { return p.angle(q) * earthRadiusKm }

// piece is one connected piece of land: its outline and what follows from it.
type piece struct {
	outline []point
	moment  point // the integral of the position over the piece; its length is close to the area, in steradians
}

// dot is the area, in steradians, given to a piece that has shrunk to a point: under a square metre.
const dot = 1e-15

// newPiece measures a polygon: the outline first, then its holes. For a spherical polygon the integral of the position is
// half the sum, over the edges, of the edge's angle times the unit normal of its great circle (Stokes' theorem), so holes,
// poles and the date line need no special case. The sign follows the direction of the outline, hence the turn at the end.
func newPiece(rings [][]point) piece {
	var moment point
	for _, ring := range rings {
		for i := range len(ring) - 1 {
			normal := ring[i].cross(ring[i+1])
			if l := normal.length(); l > 0 {
				moment = moment.plus(normal.times(ring[i].angle(ring[i+1]) / l / 2))
			}
		}
	}
	var middle point
	for _, p := range rings[0] {
		middle = middle.plus(p)
	}
	switch {
	case moment.length() == 0: // the atlas's grid has shrunk it to a dot, as it does with the Vatican
		moment = middle.unit().times(dot)
	case moment.dot(middle) < 0:
		moment = moment.times(-1)
	}
	return piece{outline: rings[0], moment: moment}
}

func (p piece) area() float64 { return p.moment.length() }

// mainland is the share of the largest piece from which on a piece counts.
const mainland = 0.25

// measure gives the area-weighted centroid of a country's mainland, and how far its farthest point is from there: at least
// a kilometre, since the table keeps 0 for countries without a shape.
func measure(pieces []piece) (centroid point, radiusKm float64) {
	var largest float64
	for _, p := range pieces {
		largest = max(largest, p.area())
	}
	for _, p := range pieces {
		if p.area() >= mainland*largest {
			centroid = centroid.plus(p.moment)
		}
	}
	centroid, radiusKm = centroid.unit(), 1
	for _, p := range pieces {
		if p.area() < mainland*largest {
			continue
		}
		for _, corner := range p.outline {
			radiusKm = max(radiusKm, centroid.distance(corner))
		}
	}
	return centroid, radiusKm
}

// topology is what is needed of a TopoJSON file of countries: shapes that share their borders as arcs.
type topology struct {
	Transform struct {
		Scale     [2]float64 `json:"scale"`
		Translate [2]float64 `json:"translate"`
	} `json:"transform"`
	Arcs    [][][2]float64 `json:"arcs"`
	Objects struct {
		Countries struct {
			Geometries []geometry `json:"geometries"`
		} `json:"countries"`
	} `json:"objects"`
}

type geometry struct {
	Type       string          `json:"type"`
	ID         string          `json:"id"` // ISO 3166-1 numeric, empty for land without a code
	Arcs       json.RawMessage `json:"arcs"`
	Properties struct {
		Name string `json:"name"`
	} `json:"properties"`
}

// pieces decodes the polygons of a geometry.
func (t *topology) pieces(g geometry) ([]piece, error) {
	var polygons [][][]int
	switch g.Type {
	case "MultiPolygon":
		if err := json.Unmarshal(g.Arcs, &polygons); err != nil {
			return nil, err
		}
	case "Polygon":
		polygons = make([][][]int, 1)
		if err := json.Unmarshal(g.Arcs, &polygons[0]); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%s: a shape of type %q", g.Properties.Name, g.Type)
	}
	var pieces []piece
	for _, polygon := range polygons {
		var rings [][]point
		for _, arcs := range polygon {
			rings = append(rings, t.ring(arcs))
		}
		pieces = append(pieces, newPiece(rings))
	}
	return pieces, nil
}

// ring joins arcs; a number below zero is the arc with its complement's number, read backwards.
func (t *topology) ring(arcs []int) []point {
	var ring []point
	for _, n := range arcs {
		if n >= 0 {
			ring = append(ring, t.arc(n)...)
			continue
		}
		arc := t.arc(^n)
		for i := len(arc) - 1; i >= 0; i-- {
			ring = append(ring, arc[i])
		}
	}
	return ring
}

// arc decodes an arc: its positions are differences, on an integer grid.
func (t *topology) arc(n int) []point {
	points := make([]point, len(t.Arcs[n]))
	var x, y float64
	for i, d := range t.Arcs[n] {
		x, y = x+d[0], y+d[1]
		points[i] = at(y*t.Transform.Scale[1]+t.Transform.Translate[1], x*t.Transform.Scale[0]+t.Transform.Translate[0])
	}
	return points
}
