// Package userimport reads files of users that come from another system: users.jsonl, a JSON object in each line.
//
//	{"email": "ada@example.org", "email_verified": true, "external_id": "4711", "name": "Ada Lovelace",
//	 "password_hash": "$2b$12$…", "created_at": "2019-03-01T09:30:00Z"}
//
//	email           required; an address that can be signed up with
//	email_verified  whether its owner has proved to read it; false when it is left out
//	external_id     the other system's id, 1 to 128 printable characters without spaces
//	name            1 to 200 printable characters
//	password_hash   a form that credential.Inspect takes; left out, the account has no password
//	created_at      RFC 3339, and not to come
//
// A line is a user or is refused, with every reason that there is, by its number. What can't be told for sure is refused
// and not guessed: an unknown key, a key that is there twice or in other letters, a null, an address or an id that an
// earlier line has. No reason quotes a value, for a hash and an address are nobody's business in a log.
//
// The file comes from outside, so all that it may make grow is bounded: lines by MaxLine, users by MaxUsers, the
// different costs of the password forms by MaxCosts. The package is pure: it stores nothing, and asks nobody whether a
// user is there already.
package userimport
