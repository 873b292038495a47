// Package token makes and reads the two tokens of a session, and keeps the keys that sign.
//
// The session token is a JWT (RFC 7519) that backends check by themselves: short-lived, signed with EdDSA, of its own type so that it
// can't be taken for another token. The refresh token is opaque to everybody but authn and is good for one use; its successor is a
// function of it, so that two parties with the same token get the same successor.
//
// Signing keys have a schedule: a key is published before it signs, so that verifiers have it in time, and stays published until the
// last token it signed is dead.
//
//	created --> published --> signs ------------> superseded --> forgotten
//	            |<- overlap ->|                   |<- token life + skew ->|
//
// A key that somebody else may have is revoked instead, whatever its place: its private half is gone at once, and what it signed is refused.
//
// Private keys are encrypted at rest under a key from a file. The package is pure but for randomness; the flows store what it makes.
package token
