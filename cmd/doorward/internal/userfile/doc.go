// Package userfile reads users.jsonl, a file of users who come from another system: a JSON object in each line.
//
//	{"email": "ada@example.org", "email_verified": true, "external_id": "4711", "name": "Ada Lovelace",
//	 "password_hash": "$2b$12$…", "created_at": "2019-03-01T09:30:00Z"}
//
// It says what a line means, and leaves what may be imported to authn: a line is a row of UserService.ImportUsers, or is refused. What can't be told for sure
// is refused and not guessed: an unknown key, a key that is there twice or in other letters, a null. No reason quotes a value, for a hash and an address are
// nobody's business in a log.
//
// A line may also be a user as Firebase exports it. Firebase keeps what all its hashes have in common with the project, so the project's parameters are read first,
// and a line's form is put together of both.
//
// It holds one line at a time, of MaxLine at most, so that a file may have any number of them. The import command calls it.
package userfile
