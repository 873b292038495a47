package argon2id

import "encoding/binary"

// burst is how many blocks are computed between two yields, some 15 µs of a core. A thread that computes without end is taken off its core at the kernel's next
// tick, which may be 4 ms away, and whoever was to answer a cheap call has waited that long.
const burst = 64

// filler fills the memory for one key.
type filler struct {
	params  Params
	segment uint32  // blocks in a slice of a lane
	lane    uint32  // blocks in a lane
	blocks  []block // one lane after the other
	yield   func()  // what is called at each burst
}

func (m *memory) filler(p Params) *filler {
	segment := p.MemoryKiB / (slices * p.Lanes)
	return &filler{
		params:  p,
		segment: segment,
		lane:    slices * segment,
		blocks:  m.take(slices * segment * p.Lanes),
		yield:   yield,
	}
}

// begin computes each lane's first two blocks.
func (f *filler) begin(h0 [hashLen]byte) {
	var in [hashLen + 8]byte
	var out [blockLen]byte
	copy(in[:], h0[:])
	for lane := range f.params.Lanes {
		binary.LittleEndian.PutUint32(in[hashLen+4:], lane)
		for column := range uint32(2) {
			binary.LittleEndian.PutUint32(in[hashLen:], column)
			stretch(out[:], in[:])
			b := &f.blocks[lane*f.lane+column]
			for i := range b {
				b[i] = binary.LittleEndian.Uint64(out[8*i:])
			}
		}
	}
}

// run fills all blocks, as often as there are passes. Lanes meet at the end of each slice, which is what lets others compute them at once.
func (f *filler) run() {
	for pass := range f.params.Passes {
		for slice := range uint32(slices) {
			for lane := range f.params.Lanes {
				f.fill(position{pass: pass, slice: slice, lane: lane})
			}
		}
	}
}

// key is the tag: what all lanes end in.
func (f *filler) key(size uint32) []byte {
	last := f.blocks[f.lane-1]
	for lane := uint32(1); lane < f.params.Lanes; lane++ {
		for i, word := range f.blocks[(lane+1)*f.lane-1] {
			last[i] ^= word
		}
	}
	var in [blockLen]byte
	for i, word := range last {
		binary.LittleEndian.PutUint64(in[8*i:], word)
	}
	key := make([]byte, size)
	stretch(key, in[:])
	return key
}

// position says which segment is filled.
type position struct{ pass, slice, lane uint32 }

// blind says whether the blocks that a segment refers to are chosen without regard to the password, so that whoever watches the memory learns nothing.
func (p position) blind() bool { return p.pass == 0 && p.slice < slices/2 }

// fill computes a segment.
func (f *filler) fill(at position) {
	first := uint32(0)
	if at.pass == 0 && at.slice == 0 {
		first = 2 // begin has made them
	}
	choice := f.choices(at)
	base := at.lane * f.lane
	for i := first; i < f.segment; i++ {
		if i%burst == 0 {
			f.yield()
		}
		column := at.slice*f.segment + i
		before := &f.blocks[base+(column+f.lane-1)%f.lane]
		chosen := before[0]
		if at.blind() {
			chosen = choice.at(i)
		}
		reference := &f.blocks[f.refer(at, i, chosen)]
		compress(&f.blocks[base+column], before, reference, at.pass > 0)
	}
}

// refer says which block is referred to by the i-th of a segment, of those that are done (RFC 9106, 3.4.2).
func (f *filler) refer(at position, i uint32, chosen uint64) uint32 {
	lane := uint32(chosen>>32) % f.params.Lanes
	if at.pass == 0 && at.slice == 0 {
		lane = at.lane
	}
	// From oldest, done blocks of that lane are there to choose from.
	oldest, done := uint32(0), at.slice*f.segment
	if at.pass > 0 {
		oldest, done = (at.slice+1)%slices*f.segment, f.lane-f.segment
	}
	switch {
	case lane == at.lane:
		done += i - 1 // not the one before, which is used anyway
	case i == 0:
		done-- // nor the other lane's last, for a segment's first
	}
	x := uint64(uint32(chosen))
	x = x * x >> 32
	back := uint64(done) * x >> 32
	return lane*f.lane + (oldest+done-1-uint32(back))%f.lane
}

// choices are the pseudo-random words of a blind segment, a block of them at a time.
type choices struct {
	input, words block
}

func (f *filler) choices(at position) *choices {
	c := new(choices)
	c.input[0], c.input[1], c.input[2] = uint64(at.pass), uint64(at.lane), uint64(at.slice)
	c.input[3], c.input[4], c.input[5] = uint64(len(f.blocks)), uint64(f.params.Passes), kind
	return c
}

// at returns the i-th word. They are asked for in order, from the first or the third on.
func (c *choices) at(i uint32) uint64 {
	if i%words == 0 || c.input[6] == 0 {
		var zero block
		c.input[6]++
		compress(&c.words, &c.input, &zero, false)
		compress(&c.words, &c.words, &zero, false)
	}
	return c.words[i%words]
}
