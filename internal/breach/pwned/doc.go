// Package pwned asks the range API of Have I Been Pwned, or a mirror of it, how often a password was seen in breaches.
//
// It owns the call: five hexadecimal digits of the password's SHA-1 go out, all hashes that begin with them come back, and the comparison is made
// here (k-anonymity; https://haveibeenpwned.com/API/v3#PwnedPasswords). Answers are asked for with padding, so that their length doesn't tell an
// onlooker which range it was; padding has a count of 0. It also owns the deadline, the bound on an answer, the breaker, and
// the question whether the host answers at all, which is put about a range that no password has. What a password's count, or the lack of an answer, means is
// for package breach to say, whose Range this is.
//
// The 35 digits that matter stay in this process. No error names a digit, or the address asked: the address has the five.
//
// Nobody is asked but the host of the configuration: a redirect isn't followed. An answer counts only when all of it can be read: half of
// a range would pass a breached password.
//
// Called by authn's wiring and by `doorward breach check`.
package pwned
