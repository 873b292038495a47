package boltdb

import (
	"bytes"
	"errors"

	bolt "go.etcd.io/bbolt"
)

// errStop ends a walk before the range does; it isn't an error of the walk.
var errStop = errors.New("stop")

// walk calls visit for each key of the range, in order. visit must not change
// the bucket: a cursor doesn't survive that.
func walk(b *bolt.Bucket, r Range, visit func(key, value []byte) error) error {
	limit := r.Limit
	if limit <= 0 || limit > MaxScan {
		limit = MaxScan
	}
	cursor := b.Cursor()
	prefix := []byte(r.Prefix)
	key, value := first(cursor, r)
	for n := 0; n < limit && key != nil && bytes.HasPrefix(key, prefix); n++ {
		switch err := visit(key, value); {
		case errors.Is(err, errStop):
			return nil
		case err != nil:
			return err
		}
		if r.Descending {
			key, value = cursor.Prev()
		} else {
			key, value = cursor.Next()
		}
	}
	return nil
}

// first puts the cursor on the first key of the range. A mark outside the
// prefix is moved to its edge, so that a page can't begin among foreign keys.
func first(c *bolt.Cursor, r Range) (key, value []byte) {
	if r.Descending {
		return firstDescending(c, r)
	}
	if r.After <= r.Prefix { // nothing with the prefix is below it
		key, value = c.Seek([]byte(r.Prefix))
		if r.After != "" && string(key) == r.After {
			return c.Next()
		}
		return key, value
	}
	key, value = c.Seek([]byte(r.After))
	if string(key) == r.After {
		return c.Next()
	}
	return key, value
}

func firstDescending(c *bolt.Cursor, r Range) (key, value []byte) {
	bound := pastPrefix([]byte(r.Prefix))
	if r.After != "" && (bound == nil || r.After < string(bound)) {
		bound = []byte(r.After)
	}
	if bound == nil {
		return c.Last()
	}
	if key, _ := c.Seek(bound); key == nil {
		return c.Last()
	}
	return c.Prev()
}

// pastPrefix is the lowest key above all keys with the prefix; nil when there
// is none.
func pastPrefix(prefix []byte) []byte {
	past := bytes.Clone(prefix)
	for i := len(past) - 1; i >= 0; i-- {
		if past[i] < 0xff {
			past[i]++
			return past[:i+1]
		}
	}
	return nil
}
