// Package signal turns what is known about a sign-in into signals: named observations, each with a value and a reason that an
// operator can read.
//
// There are two kinds, and they never mix. Signals of the origin (Origin → FromOrigin) come from where the request is from
// and would be the same for any account; only they may decide what happens before a password is checked. Signals of the
// account (Account → FromAccount) come from one user's history, and may only be felt by somebody who has proven the password.
//
//	signal             kind     raised when
//	failures.ip        origin   the address failed often of late; high when it failed very often; on known devices, or on all others
//	failures.account   account  the account was tried and failed often of late, from anywhere; on known devices, or on all others
//	country.unknown    account  the address has no country
//	country.new        account  the user has signed in before, but never from this country
//	travel.impossible  account  nobody gets here that fast from where the user last signed in
//
// Every signal is always returned, quiet ones with the reason why they are: a decision is explained by what didn't speak, too.
// A fact that is missing makes its signal quiet only if another one speaks for it, as country.unknown does for the two that
// compare countries.
//
// The package is pure: no clock, no store, no look-up. It weighs nothing either: score decides what a signal may demand.
package signal
