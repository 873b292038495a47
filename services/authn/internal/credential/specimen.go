package credential

import (
	"maps"
	"slices"
	"strings"
)

// Specimen is a form that costs as much to check as any stored one of its kind. It is nobody's.
type Specimen struct {
	// Kind is the form's name, as Inspection has it.
	Kind string
	// Form is the specimen.
	Form string
	// Work is how much there is to compute.
	Work int
}

// Costlier are those of the forms that cost more than the known ones of their kinds, the costliest of each kind. Whoever has measured one of each kind has
// measured them all, so that a store's specimens are a handful, however many different costs were imported.
func Costlier(known []Specimen, forms []Inspection) []Specimen {
	most := make(map[string]Specimen, len(known))
	for _, s := range known {
		most[s.Kind] = s
	}
	more := make(map[string]Specimen)
	for _, f := range forms {
		if f.Work > most[f.Kind].Work {
			s := Specimen{Kind: f.Kind, Form: f.Specimen, Work: f.Work}
			most[f.Kind], more[f.Kind] = s, s
		}
	}
	return slices.SortedFunc(maps.Values(more), func(a, b Specimen) int { return strings.Compare(a.Kind, b.Kind) })
}
