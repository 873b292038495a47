// Package boltstore keeps risk's storage contract on one machine: one bbolt file, written by group commit.
//
// It owns the file's buckets, the layout of the records in them, and the indexes; internal/boltdb owns the file, the transactions and
// the roles that every service shares (policy, audit). It knows no rule of the domain. Called by risk's wiring and by what works on the
// file while the service is stopped.
//
//	decisions ── decisions_by_user, decisions_count
//	histories    one user's each
//	cursors      one stream's each
//
// Records are the domain's types as JSON. Whoever changes their layout gives the table a new version and an Upgrade.
package boltstore
