package history_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/risk/internal/geo"
	"github.com/doorward/doorward/services/risk/internal/history"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// signIn is the n-th sign-in of a user, an hour after the one before.
func signIn(n int, c geo.Country) history.SignIn {
	return history.SignIn{
		EventID:     fmt.Sprintf("evt_%d", n),
		SessionID:   fmt.Sprintf("ses_%d", n),
		UserVersion: uint64(n),
		At:          noon.Add(time.Duration(n) * time.Hour),
		Country:     c,
	}
}

func apply(signIns ...history.SignIn) history.History {
	var h history.History
	for _, s := range signIns {
		h = history.Apply(h, s)
	}
	return h
}

func TestHistoryRemembersCountries(t *testing.T) {
	h := apply(signIn(1, "DE"), signIn(2, geo.Unknown), signIn(3, "FR"), signIn(4, "DE"))
	want := map[geo.Country]history.Seen{
		"DE": {First: signIn(1, "").At, Last: signIn(4, "").At, Count: 2},
		"FR": {First: signIn(3, "").At, Last: signIn(3, "").At, Count: 1},
	}
	if diff := cmp.Diff(want, h.Countries); diff != "" {
		t.Error(diff)
	}
	if !h.Knows("DE") || h.Knows("US") || h.Knows(geo.Unknown) {
		t.Error("Knows: want Germany, neither the US nor the unknown country")
	}
	if h.SignIns != 4 {
		t.Errorf("SignIns = %d, want 4: those from unknown countries count", h.SignIns)
	}
}

// Any order of delivery, each event once or more, comes to the same history as long as it fits in Recent.
func TestApplyIsIdempotentAndTakesAnyOrder(t *testing.T) {
	countries := rapid.SampledFrom([]geo.Country{"DE", "FR", "US", geo.Unknown})
	rapid.Check(t, func(t *rapid.T) {
		var told []history.SignIn
		for n := range rapid.IntRange(0, history.MaxRecent).Draw(t, "sign-ins") {
			told = append(told, signIn(n+1, countries.Draw(t, "country")))
		}
		again := told
		if len(told) > 0 {
			again = append(again, rapid.SliceOf(rapid.SampledFrom(told)).Draw(t, "delivered again")...)
		}
		if diff := cmp.Diff(apply(told...), apply(rapid.Permutation(again).Draw(t, "order")...)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestApplyChangesNeitherItsArgumentNorACopy(t *testing.T) {
	before := apply(signIn(1, "DE"), signIn(3, "FR"))
	kept := apply(signIn(1, "DE"), signIn(3, "FR"))
	history.Apply(before, signIn(2, "DE"))
	history.Apply(before, signIn(4, "US"))
	history.Disown(before, "ses_3")
	if diff := cmp.Diff(kept, before); diff != "" {
		t.Error(diff)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h history.History
	codes := everyCountry()
	for n := range 4 * history.MaxRecent {
		h = history.Apply(h, signIn(n+1, codes[n%len(codes)]))
	}
	if len(h.Recent) != history.MaxRecent || len(h.Countries) > history.MaxCountries {
		t.Errorf("%d sign-ins and %d countries kept", len(h.Recent), len(h.Countries))
	}
	if h.SignIns != 4*history.MaxRecent {
		t.Errorf("SignIns = %d, want all that were ever counted", h.SignIns)
	}
	newest := codes[(4*history.MaxRecent-1)%len(codes)]
	if !h.Knows(newest) {
		t.Errorf("the newest country, %s, was dropped", newest)
	}
	if diff := cmp.Diff(h, history.Apply(h, signIn(2, "DE"))); diff != "" {
		t.Errorf("an event as old as what has left Recent counted again: %s", diff)
	}
}

func everyCountry() (codes []geo.Country) {
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			if c, ok := geo.Parse(string(a) + string(b)); ok {
				codes = append(codes, c)
			}
		}
	}
	return codes
}

func TestDisownedSignInsSayNothingAboutTheOwner(t *testing.T) {
	h := apply(signIn(1, "DE"), signIn(2, "BR"))
	h = history.Disown(h, "ses_2")
	if h.Knows("BR") || !h.Knows("DE") || h.SignIns != 1 {
		t.Errorf("after the stranger's sign-in was disowned: %+v", h)
	}
	if last, _ := h.LastPlaced(); last.Country != "DE" {
		t.Errorf("LastPlaced = %q, want the owner's", last.Country)
	}
	if diff := cmp.Diff(h, history.Disown(h, "ses_2")); diff != "" {
		t.Errorf("disowned twice: %s", diff)
	}
	if diff := cmp.Diff(h, history.Apply(h, signIn(2, "BR"))); diff != "" {
		t.Errorf("the event of a disowned sign-in came again and counted: %s", diff)
	}
}

func TestDisownKeepsACountryTheOwnerWasIn(t *testing.T) {
	h := history.Disown(apply(signIn(1, "DE"), signIn(2, "DE"), signIn(3, "DE")), "ses_3")
	want := history.Seen{First: signIn(1, "").At, Last: signIn(2, "").At, Count: 2}
	if diff := cmp.Diff(want, h.Countries["DE"]); diff != "" {
		t.Error(diff)
	}
}

func TestDisownOfNoSessionDisownsNothing(t *testing.T) {
	unnamed := signIn(1, "DE")
	unnamed.SessionID = ""
	if h := history.Disown(apply(unnamed), ""); !h.Knows("DE") {
		t.Error("a sign-in without a session was disowned by the empty id")
	}
}

func TestUnknownCountryDoesNotHideAJourney(t *testing.T) {
	last, ok := apply(signIn(1, "DE"), signIn(2, geo.Unknown)).LastPlaced()
	if !ok || last.EventID != "evt_1" {
		t.Errorf("LastPlaced = %+v, %t, want the sign-in from Germany", last, ok)
	}
	if last, ok := apply(signIn(1, geo.Unknown)).LastPlaced(); ok {
		t.Errorf("LastPlaced = %+v, want none", last)
	}
}

func TestHistorySurvivesJSON(t *testing.T) {
	h := history.Disown(apply(signIn(1, "DE"), signIn(2, geo.Unknown), signIn(3, "FR")), "ses_3")
	stored, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var back history.History
	if err := json.Unmarshal(stored, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, back); diff != "" {
		t.Error(diff)
	}
}
