package token

import "time"

// State is a signing key's place in the rotation.
type State string

// The states.
const (
	// Next: published, and doesn't sign yet.
	Next State = "next"
	// Current: signs.
	Current State = "current"
	// Retired: signs no more, and is published until its last token is dead.
	Retired State = "retired"
)

// Placed is a signing key with its place in the rotation.
type Placed struct {
	SigningKey
	State State
}

// Places are the keys' places at a moment, in the order of the keys, without those that are revoked. Of any keys one is the current one.
func Places(keys []SigningKey, now time.Time) []Placed {
	keys = unrevoked(keys)
	current, _ := signingAt(keys, now)
	placed := make([]Placed, len(keys))
	for i, k := range keys {
		placed[i] = Placed{SigningKey: k, State: Retired}
		switch {
		case k.ID == current.ID:
			placed[i].State = Current
		case k.SignsFrom.After(current.SignsFrom):
			placed[i].State = Next
		}
	}
	return placed
}

// Coming is the key that signs after the current one. False when there is none yet.
func Coming(keys []SigningKey, now time.Time) (SigningKey, bool) {
	for _, k := range Places(keys, now) {
		if k.State == Next {
			return k.SigningKey, true
		}
	}
	return SigningKey{}, false
}
