// Package store is the contract that risk's storage keeps, in prose and in roles. storetest is its suite; boltstore keeps it on one
// machine. Only the flows call it.
//
// # Transactions
//
// View and Update run a closure in one serializable transaction: what it reads is one moment, and what it writes is there whole or not
// at all. Update returns nil only when everything is on disk and survives the process's death.
//
// A closure does no I/O and may run twice; only its last run counts. A closure's error undoes what it wrote and comes back unchanged; a
// context that ends before the closure ran comes back as its error, and nothing has happened. Writing in a View is an error.
//
// # Roles
//
// The roles of a Tx live as long as its closure. What isn't there reads as the zero value, which is no error. What is returned is the
// caller's own copy. An error always means that the store itself failed.
package store
