// Package boltdb is the one-machine storage of a service: one bbolt file,
// written by group commit, with typed tables on top.
//
// It owns the file (its lock, mode and schema version), the goroutine that
// writes to it, the encoding of records, and the bbolt side of the shared
// roles: the outbox (internal/outbox), policy records (internal/policy) and the
// audit log (internal/audit). It doesn't know any service's records: a service
// declares its buckets and tables in its own boltstore package, which is the
// only caller of this one.
//
// # Group commit
//
// A bbolt commit costs two syncs of the disk, whatever it holds. So Update
// doesn't open a transaction of its own: it hands its closure to one goroutine,
// which puts all the closures that wait into one transaction, syncs once, and
// then answers every caller. Nobody is answered before the sync.
//
//	Update ──┐            ┌─ closure ─ closure ─ closure ─┐
//	Update ──┼─▶ queue ─▶ │       one transaction         │ ─▶ sync ─▶ answers
//	Update ──┘  (bounded) └───────────────────────────────┘
//
// What a closure must respect:
//
//   - It runs in another goroutine than its caller's, and others wait behind it:
//     no I/O, no hashing, no signing, and no call to Update (that would wait
//     for itself).
//   - It may run more than once. When a later closure of the same transaction
//     fails, everything is rolled back and the closures before it run again. So
//     it sets the variables it shares with its caller, and never adds to them.
//   - A refusal ("the code is wrong") is a value that it hands to its caller,
//     not an error: an error undoes the closure's writes, the count of the
//     failure among them, and makes its neighbours run twice.
//   - It keeps no slice that bbolt handed out beyond its own end.
//
// Closures see each other's writes in the order they were taken: the result is
// the same as running them one after the other.
package boltdb
