// Package userimport judges rows of users who come from another system: what a row must have to become an account.
//
//	email           required; an address that can be signed up with
//	email_verified  whether its owner has proved to read it
//	external_id     the other system's id, 1 to 128 printable characters without spaces, not like ours (usr_…)
//	name            1 to 200 printable characters
//	password_hash   a form that credential.Inspect takes; left out, the account has no password
//	created_at      since 1970, and not to come
//
// A row is a user or is refused, with every reason that there is. What can't be told for sure is refused and not guessed. No reason quotes a value, for a
// hash and an address are nobody's business in a log.
//
// The package is pure: it stores nothing, and asks nobody whether a user is there already. The import flow calls it.
package userimport
