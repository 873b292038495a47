package boltdb

// Queued is how many calls wait for the writer.
func (db *DB) Queued() int { return len(db.queue) }

// SplitKey is splitKey, for its fuzzer.
func SplitKey(key string) []string { return splitKey(key) }
