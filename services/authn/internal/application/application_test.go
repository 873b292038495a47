package application_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/services/authn/internal/application"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestAKeyAllowsOnlyItsScopes(t *testing.T) {
	for name, c := range map[string]struct {
		scopes []application.Scope
		asked  application.Scope
		want   bool
	}{
		"its scope":                {[]application.Scope{application.SpeakForUsers}, application.SpeakForUsers, true},
		"one of its scopes":        {[]application.Scope{application.SpeakForUsers, application.Operator}, application.Operator, true},
		"another scope":            {[]application.Scope{application.SpeakForUsers}, application.Operator, false},
		"no scope":                 {nil, application.SpeakForUsers, false},
		"nothing":                  {[]application.Scope{application.SpeakForUsers}, "", false},
		"nothing, of a bare key":   {nil, "", false},
		"a part of a scope's name": {[]application.Scope{application.SpeakForUsers}, "speak", false},
	} {
		key := application.Key{Scopes: c.scopes}
		if got := key.Allows(c.asked); got != c.want {
			t.Errorf("%s: Allows = %t, want %t", name, got, c.want)
		}
	}
}

func TestARevokedKeyStaysRevoked(t *testing.T) {
	key := application.Key{ID: "key_1", CreatedAt: noon}
	if !key.Good(noon) {
		t.Fatal("a new key isn't good")
	}
	if !key.Revoke(noon) || key.Good(noon) {
		t.Error("a revoked key is good")
	}
	if key.Revoke(noon.Add(time.Hour)) || !key.RevokedAt.Equal(noon) {
		t.Errorf("revoked again, at %v", key.RevokedAt)
	}
}

func TestARotatedKeyLivesUntilItsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		overlap time.Duration
		at      time.Duration
		want    bool
	}{
		"at once":                {time.Hour, 0, true},
		"just before the end":    {time.Hour, time.Hour - 1, true},
		"at the end":             {time.Hour, time.Hour, false},
		"long after":             {time.Hour, 1000 * time.Hour, false},
		"without any overlap":    {0, 0, false},
		"without, a moment more": {0, 1, false},
	} {
		key := application.Key{ID: "key_1", CreatedAt: noon}
		if !key.Supersede("key_2", noon.Add(c.overlap), noon) || key.SuccessorID != "key_2" {
			t.Fatalf("%s: not superseded", name)
		}
		if got := key.Good(noon.Add(c.at)); got != c.want {
			t.Errorf("%s: Good = %t, want %t", name, got, c.want)
		}
	}
}

// A key that could be rotated twice would have a successor that nobody knows of.
func TestAKeyIsSupersededOnceAndWhileItIsGood(t *testing.T) {
	revoked := application.Key{ID: "key_1", RevokedAt: noon}
	expired := application.Key{ID: "key_1", SuccessorID: "key_2", ExpiresAt: noon}
	leaving := application.Key{ID: "key_1", SuccessorID: "key_2", ExpiresAt: noon.Add(time.Hour)}
	for name, key := range map[string]application.Key{"revoked": revoked, "expired": expired, "on its way out": leaving} {
		before := key
		if key.Supersede("key_3", noon.Add(time.Minute), noon) {
			t.Errorf("%s: superseded", name)
		}
		if diff := cmp.Diff(before, key); diff != "" {
			t.Errorf("%s: it has changed (-before +after):\n%s", name, diff)
		}
	}
}

func TestAKeyOnItsWayOutCanBeRevoked(t *testing.T) {
	key := application.Key{ID: "key_1", SuccessorID: "key_2", ExpiresAt: noon.Add(time.Hour)}
	if !key.Revoke(noon) || key.Good(noon) {
		t.Error("it is still good")
	}
}
