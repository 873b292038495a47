// Package foreign reads passwords as other systems stored them, so that their users can be imported with the passwords
// they have: the first right one is stored anew in our own form, and the foreign one is gone.
//
//	argon2i         $argon2i$v=19$m=65536,t=3,p=4$salt$key
//	bcrypt          $2b$12$…, $2a$, $2y$
//	scrypt          $scrypt$ln=16,r=8,p=1$salt$key
//	pbkdf2          $pbkdf2-sha256$i=600000$salt$key, passlib's $pbkdf2-sha256$29000$salt$key and $pbkdf2$…,
//	                Django's pbkdf2_sha256$600000$salt$key; each with sha1, sha256 and sha512
//	firescrypt      $firescrypt$ln=14,r=8$salt$separator$signer$hash, which the import command makes
//	sha256-crypt    $5$rounds=5000$salt$hash
//	sha512-crypt    $6$rounds=5000$salt$hash
//
// argon2id is our own and credential's. Whatever isn't in this list is refused.
//
// Parse reads a form strictly, and only within bounds: none takes more than about a second of a core (2026, a server's)
// nor more than 256 MiB, so that no string in a file makes the hash pool wait or the process swell. A worker that checks
// one holds that memory meanwhile, so an import of such forms needs that much for each worker of the pool.
//
//	argon2i         memory 256 MiB, memory × passes 1 GiB, 16 threads
//	bcrypt          cost 14
//	scrypt          N × r × p = 2^21: 128 bytes of each N × r are memory
//	firescrypt      the same
//	pbkdf2          4 000 000 iterations, sha512 1 000 000, for each block of the key
//	sha-crypt       1 000 000 rounds, and passwords of 128 bytes, for the work grows with those too
//
// A form is compared with what was typed, byte by byte and not in NFC: that is what the other system was given by the
// same keyboard, and most of them hashed it as it came. Trying both would cost two hashes, and tell by its time which
// passwords have such letters. What bcrypt, the HMAC in pbkdf2 and scrypt, and C's strings do with a NUL differs, and
// no keyboard has one: a password with a NUL is never right here.
//
// bcrypt looks at 72 bytes. A longer password is right when those are, as it was in the other system; but then it isn't
// known to be typed right to its end, so Whole says no and the form is kept.
//
// The package computes on the caller's goroutine and keeps nothing. credential calls it, on the workers of its pool.
package foreign
