package boltdb

// Queued is how many calls wait for the writer.
func (db *DB) Queued() int { return len(db.queue) }

// SplitKey is splitKey, for its fuzzer.
func SplitKey(key string) []string { return splitKey(key) }

// Decode and Encode are a table's, for its fuzzer.
func Decode[T any](t Table[T], raw []byte) (T, error)   { return t.decode(raw) }
func Encode[T any](t Table[T], value T) ([]byte, error) { return t.encode(value) }

// FillDisk makes commits fail that need more room, until the function it
// returns is called. Nothing else may use db meanwhile.
func (db *DB) FillDisk() (empty func()) {
	db.bolt.MaxSize = 1
	return func() { db.bolt.MaxSize = 0 }
}

// Len is how many records are kept.
func (c *Cached[T]) Len() int {
	kept := 0
	for i := range c.shards {
		c.shards[i].mu.Lock()
		kept += len(c.shards[i].records)
		c.shards[i].mu.Unlock()
	}
	return kept
}
