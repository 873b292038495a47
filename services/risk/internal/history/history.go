package history

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/doorward/doorward/services/risk/internal/geo"
)

// Bounds of one user's history.
const (
	MaxRecent    = 50 // sign-ins kept in full
	MaxCountries = 64 // countries counted; past that the one not seen for longest is dropped
)

// SignIn is what risk learns from the event of a completed sign-in or sign-up.
type SignIn struct {
	EventID     string      `json:"event_id"`
	UserVersion uint64      `json:"user_version"` // rises with each event of the user
	SessionID   string      `json:"session_id,omitempty"`
	At          time.Time   `json:"at"`
	Country     geo.Country `json:"country,omitempty"` // Unknown if the address has none
}

// Entry is a remembered sign-in. One that its owner has disowned stays, so that its event doesn't count again, but says
// nothing about the owner any more.
type Entry struct {
	SignIn
	Disowned bool `json:"disowned,omitempty"`
}

// Seen says when and how often a user signed in from a country.
type Seen struct {
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	Count uint64    `json:"count"`
}

// History is one user's sign-ins. The zero value is that of a user who has never signed in. It is a value: no function
// changes the one it is given, so that a store's closure may run twice.
type History struct {
	Recent    []Entry              `json:"recent,omitempty"`    // by version, newest first
	Countries map[geo.Country]Seen `json:"countries,omitempty"` // those not disowned, in Recent and before
	SignIns   uint64               `json:"sign_ins,omitempty"`  // those not disowned, from known and unknown countries
	Floor     uint64               `json:"floor,omitempty"`     // the highest version that has left Recent
}

// Apply adds a sign-in. It returns h itself if the event is already in it, or is as old as what has left Recent: whether
// such an event was counted can't be told any more, and a view drops what is older than it knows.
func Apply(h History, s SignIn) History {
	if s.UserVersion <= h.Floor || slices.ContainsFunc(h.Recent, func(e Entry) bool { return e.EventID == s.EventID }) {
		return h
	}
	next := h.clone()
	at, _ := slices.BinarySearchFunc(next.Recent, s, func(e Entry, s SignIn) int { return newestFirst(e.SignIn, s) })
	next.Recent = slices.Insert(next.Recent, at, Entry{SignIn: s})
	next.SignIns++
	next.count(s)
	if len(next.Recent) > MaxRecent {
		next.Floor = next.Recent[MaxRecent].UserVersion
		next.Recent = next.Recent[:MaxRecent]
	}
	return next
}

// Disown takes back the sign-in that began a session, after its owner has said that it was somebody else's: its country
// is known no longer, unless other sign-ins came from there. Of a sign-in that has left Recent nothing can be taken back.
func Disown(h History, sessionID string) History {
	at := slices.IndexFunc(h.Recent, func(e Entry) bool { return e.SessionID == sessionID && !e.Disowned })
	if at < 0 || sessionID == "" {
		return h
	}
	next := h.clone()
	next.Recent[at].Disowned = true
	next.SignIns--
	next.uncount(next.Recent[at].Country)
	return next
}

// DisownNew takes back, with their sign-ins, the countries that were first seen between a sign-in which its owner has said was somebody
// else's and its containment. It finds what Disown can't: sign-ins whose session had ended before, and those that have left Recent. An
// owner who was somewhere new just then passes one check more.
func DisownNew(h History, since, until time.Time) History {
	next := h.clone()
	for country, seen := range h.Countries {
		if seen.First.Before(since) || seen.First.After(until) {
			continue
		}
		delete(next.Countries, country)
		next.SignIns -= min(next.SignIns, seen.Count)
		for i := range next.Recent {
			next.Recent[i].Disowned = next.Recent[i].Disowned || next.Recent[i].Country == country
		}
	}
	return next
}

// Knows reports whether the user has signed in from a country; never of Unknown.
func (h History) Knows(c geo.Country) bool {
	_, ok := h.Countries[c]
	return ok
}

// LastPlaced is the newest sign-in of the user's own whose country is known. Sign-ins from unknown countries are passed
// over, so that nobody hides a journey behind one.
func (h History) LastPlaced() (SignIn, bool) {
	for _, e := range h.Recent {
		if !e.Disowned && e.Country.Known() {
			return e.SignIn, true
		}
	}
	return SignIn{}, false
}

func newestFirst(a, b SignIn) int {
	return cmp.Or(cmp.Compare(b.UserVersion, a.UserVersion), cmp.Compare(b.EventID, a.EventID))
}

func (h History) clone() History {
	h.Recent = slices.Clone(h.Recent)
	h.Countries = maps.Clone(h.Countries)
	return h
}

func (h *History) count(s SignIn) {
	if !s.Country.Known() {
		return
	}
	seen, ok := h.Countries[s.Country]
	if !ok {
		seen = Seen{First: s.At, Last: s.At}
	}
	if s.At.Before(seen.First) {
		seen.First = s.At
	}
	if s.At.After(seen.Last) {
		seen.Last = s.At
	}
	seen.Count++
	if h.Countries == nil {
		h.Countries = map[geo.Country]Seen{}
	}
	h.Countries[s.Country] = seen
	if len(h.Countries) > MaxCountries {
		delete(h.Countries, h.longestUnseen())
	}
}

func (h *History) longestUnseen() geo.Country {
	return slices.MinFunc(slices.Collect(maps.Keys(h.Countries)), func(a, b geo.Country) int {
		return cmp.Or(h.Countries[a].Last.Compare(h.Countries[b].Last), cmp.Compare(a, b))
	})
}

// uncount takes one sign-in off a country. What is left of Recent says when the user was last there; if nothing is, all
// that is sure is the first time.
func (h *History) uncount(c geo.Country) {
	seen, ok := h.Countries[c]
	if !ok {
		return
	}
	if seen.Count <= 1 {
		delete(h.Countries, c)
		return
	}
	seen.Count--
	seen.Last = seen.First
	for _, e := range h.Recent {
		if !e.Disowned && e.Country == c && e.At.After(seen.Last) {
			seen.Last = e.At
		}
	}
	h.Countries[c] = seen
}
