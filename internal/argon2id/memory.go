package argon2id

import "sync"

// memory is what a key is computed in. It grows to what was asked for, and is kept for the next. The zero value is ready. One goroutine uses it at a time.
//
// What it holds after a call is worth to whoever reads it what the key is: a password can be tried against it at the cost of one more call.
type memory struct {
	blocks []block
}

// memories holds those in which no key is computed at the moment. There are as many as keys have been computed at once, and the collector takes those that weren't
// needed between two of its rounds.
var memories = sync.Pool{New: func() any { return new(memory) }}

// hoard is how many times the blocks that a key needs may be kept from an earlier one.
const hoard = 4

// take returns n blocks, with whatever the last call left in them.
func (m *memory) take(n uint32) []block {
	if kept := uint64(cap(m.blocks)); kept < uint64(n) || kept > hoard*uint64(n) {
		m.blocks = make([]block, n)
	}
	m.blocks = m.blocks[:n]
	return m.blocks
}
