// Package argon2id derives keys from passwords by Argon2id (RFC 9106, version 0x13) in a way that is fit for a server that has other calls to answer meanwhile.
//
// There is a well-kept library for Argon2id, golang.org/x/crypto/argon2. This package exists for what it can't do (docs/adr/0013-argon2id-of-our-own.md):
//
//   - Memory is kept from one key to the next. The library allocates 19 MiB for each, and in a flood of sign-ins Go's collector then has all other calls work for
//     it, or wait.
//   - A key yields its core every few microseconds to whatever else is to run there, be it another process.
//
// Besides, AVX2 computes more than twice as many keys. That is no reason for more passes: who guesses passwords has had it all along.
//
// The algorithm is the RFC's, whole but for the degree of parallelism: lanes are computed one after the other, as a hash worker is one core's. What shows that
// it is right: the RFC's vector, keys of the reference implementation, parameters at random beside the library's function, and the assembler beside the same step in
// plain Go, which runs where there is no AVX2 and is as fast as the library's plain Go.
//
// Which memory is touched depends on the password from the second half of the first pass on. That is how Argon2id is made; up to there nothing does.
package argon2id
