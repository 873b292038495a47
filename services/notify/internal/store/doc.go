// Package store is the contract that notify's storage keeps, in prose and in roles. storetest is its suite; boltstore keeps it on one
// machine. Only the flows call it.
//
// # Transactions
//
// View and Update run a closure in one serializable transaction: what it reads is one moment, and what it writes is there whole or not
// at all. Update returns nil only when everything is on disk and survives the process's death.
//
// A closure does no I/O and no hashing, and may run twice; only its last run counts. A refusal is a value that the closure hands out,
// never an error: an error undoes the closure's own writes. A closure's error comes back unchanged; a context that ends before the
// closure ran comes back as its error, and nothing has happened. Writing in a View is an error.
//
// # Roles
//
// The roles of a Tx live as long as its closure. Get answers false for what isn't there; absence is no error. Put replaces the whole
// record and keeps its indexes. What a Get or a list returns is the caller's own copy. Lists are complete up to their limit and in the
// order they state. An error always means that the store itself failed, except where a role names another.
//
// # Secrets
//
// The store holds no code, and of contain-tokens only digests, with one exception: the command that an answered alert puts into the outbox
// carries its token, until 15 minutes after the command was published. The file is its owner's alone (0600), and such a token can do one
// thing, to end the sign-in that its owner has just reported.
package store
