// Package secret holds what must not be seen: it makes random tokens and codes, keeps them out of logs, hashes and
// compares them, and keeps the symmetric keys that services read from files.
//
// Its types redact themselves. A Text or a Key prints as [redacted] through fmt, slog, encoding/json and YAML, also
// when it sits in an unexported field of a struct that somebody formats whole; the only way to the value is a method
// with a name that a reviewer sees (Text.Reveal).
//
// How each kind of secret is stored is decided by how much of it an attacker would have to guess:
//
//	a random token (≥ 128 bits)   New           SHA-256, as a Digest; compared by Digest.Matches
//	a short code (six digits)     Code6         HMAC under a Key from a file (Key.MAC): a bare hash would be guessed
//	something read back later     —             AES-256-GCM under a Key (Key.Seal, Key.Open)
//	a password                    not here      argon2id, in authn's credential package
//
// A key that was made for development bears a mark in its file (ForDevelopment), so that production can refuse it.
//
// The package knows no service. Which purposes a key serves, and the strings that keep those purposes apart
// (the context of Key.MAC, the purpose of Key.Derive), belong to the caller.
package secret
