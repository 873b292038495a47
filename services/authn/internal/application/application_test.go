package application_test

import (
	"testing"
	"time"

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
	if !key.Good() {
		t.Fatal("a new key isn't good")
	}
	if !key.Revoke(noon) || key.Good() {
		t.Error("a revoked key is good")
	}
	if key.Revoke(noon.Add(time.Hour)) || !key.RevokedAt.Equal(noon) {
		t.Errorf("revoked again, at %v", key.RevokedAt)
	}
}
