package token_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/authn/internal/token"
)

func TestPlaces(t *testing.T) {
	const hour = time.Hour
	stolen := key("stolen", 8*hour, 9*hour)
	stolen.RevokedAt = noon.Add(8 * hour)
	one, two, three := key("one", 0, 0), key("two", 9*hour, 10*hour), key("three", 19*hour, 20*hour)
	for name, c := range map[string]struct {
		keys   []token.SigningKey
		at     time.Duration
		want   []token.State
		coming string
	}{
		"no key":                     {nil, 0, []token.State{}, ""},
		"one":                        {[]token.SigningKey{one}, hour, []token.State{token.Current}, ""},
		"the next is published":      {[]token.SigningKey{one, two}, 9 * hour, []token.State{token.Current, token.Next}, "two"},
		"just before it signs":       {[]token.SigningKey{one, two}, 10*hour - 1, []token.State{token.Current, token.Next}, "two"},
		"it signs":                   {[]token.SigningKey{one, two}, 10 * hour, []token.State{token.Retired, token.Current}, ""},
		"one of each":                {[]token.SigningKey{one, two, three}, 19 * hour, []token.State{token.Retired, token.Current, token.Next}, "three"},
		"in any order":               {[]token.SigningKey{three, one, two}, 19 * hour, []token.State{token.Next, token.Retired, token.Current}, "three"},
		"nobody's time has come yet": {[]token.SigningKey{one, two}, -hour, []token.State{token.Current, token.Next}, "two"},
	} {
		t.Run(name, func(t *testing.T) {
			got := []token.State{}
			for i, placed := range token.Places(append(slices.Clone(c.keys), stolen), noon.Add(c.at)) {
				if placed.ID != c.keys[i].ID {
					t.Errorf("key %d is %s", i, placed.ID)
				}
				got = append(got, placed.State)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
			if coming, ok := token.Coming(c.keys, noon.Add(c.at)); coming.ID != c.coming || ok != (c.coming != "") {
				t.Errorf("coming %q, %t; want %q", coming.ID, ok, c.coming)
			}
		})
	}
}

// Whatever the keys and the clock, one of them signs.
func TestOneKeyIsTheCurrentOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moments := rapid.SliceOfNDistinct(rapid.IntRange(-50, 50), 1, 6, rapid.ID[int]).Draw(t, "moments")
		var keys []token.SigningKey
		for i, m := range moments {
			keys = append(keys, key(string(rune('a'+i)), 0, time.Duration(m)*time.Hour))
		}
		current := 0
		for _, placed := range token.Places(keys, noon) {
			if placed.State == token.Current {
				current++
			}
		}
		if current != 1 {
			t.Errorf("%d current keys", current)
		}
	})
}
