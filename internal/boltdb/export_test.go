package boltdb

// Queued is how many calls wait for the writer.
func (db *DB) Queued() int { return len(db.queue) }

// SplitKey is splitKey, for its fuzzer.
func SplitKey(key string) []string { return splitKey(key) }

// FillDisk makes commits fail that need more room, until the function it
// returns is called. Nothing else may use db meanwhile.
func (db *DB) FillDisk() (empty func()) {
	db.bolt.MaxSize = 1
	return func() { db.bolt.MaxSize = 0 }
}
