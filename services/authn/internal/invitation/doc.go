// Package invitation is one person's leave to sign up: for one mail address, for one account, until it ends.
//
// It owns what an invitation is and how it ends. It is pure: the flows store it, make its token and mail that; package restriction says what an
// invitation opens. How one stands is derived from its moments and kept nowhere:
//
//	New ──► pending ──► accepted   (Accept: an account was made with it)
//	           ├──────► revoked    (Revoke: by an operator, by a newer one for the address, or by a restore)
//	           └──────► expired    (its time ran out)
//
// accepted, revoked and expired are ends: nothing leads out of them, and a method that is called there answers false and changes nothing.
//
// The token is a secret of 256 bits, of which the digest is kept. Whoever presents it must sign up with the address that was invited, in any
// spelling, and proves with a code to read it: a token that was forwarded or read by another lets nobody else in.
package invitation
