package corpus

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sample is a header as the builder writes it, with its content's length.
func sample() header {
	h := header{
		info:    Info{Hashes: 5, MinCount: 2, Built: time.Unix(1_800_000_000, 0), Source: "pwned.txt", Shards: 2},
		content: span{contentOffset(2), 64 + 2*16},
		shards: []entry{
			{offset: 0, keys: 3, fingerprints: 12, seed: 7, segmentLength: 4, segmentCount: 1},
			{offset: 64, keys: 2, fingerprints: 16, seed: 8, segmentLength: 4, segmentCount: 2},
		},
	}
	return h
}

// FuzzHeader: whatever a file begins with, a header that is taken leads to no look-up outside of its content, and is one that the builder writes.
// The checksum is made right, because it keeps nobody out who means it.
func FuzzHeader(f *testing.F) {
	whole := sample().encode()
	f.Add(whole)
	f.Add(whole[:fixedSize])
	f.Add(whole[:20])
	f.Add([]byte(magic))
	newer := bytes.Clone(whole)
	newer[8] = Version + 1
	f.Add(newer)
	long := bytes.Clone(whole)
	long[fixedSize+24] = 3 // a segment that isn't a power of two
	f.Add(long)
	f.Fuzz(func(t *testing.T, b []byte) {
		end, err := tableEnd(b)
		if err != nil {
			return
		}
		if _, err := decode(b); err == nil && len(b) != end {
			t.Fatal("a header of another length was taken")
		}
		b = append(bytes.Clone(b), make([]byte, max(0, end-len(b)))...)[:end]
		sum := sha256.Sum256(b[:end-sha256.Size])
		copy(b[end-sha256.Size:], sum[:])
		h, err := decode(b)
		if err != nil {
			return
		}
		var last uint64
		for i, e := range h.shards {
			if e.offset < last || e.offset+2*uint64(e.fingerprints) > h.content.length {
				t.Fatalf("shard %d lies outside of the content", i)
			}
			last = e.offset + 2*uint64(e.fingerprints)
			// The farthest that a look-up reads: the last of the first positions, two segments further, at their end.
			if e.keys > 0 && uint64(e.segmentCount)*uint64(e.segmentLength)+2*uint64(e.segmentLength) > uint64(e.fingerprints) {
				t.Fatalf("shard %d leads outside of itself", i)
			}
		}
		if again, err := decode(h.encode()); err != nil || !slices.Equal(again.shards, h.shards) || again.info != h.info {
			t.Fatalf("written again it is another header: %v", err)
		}
	})
}

// reference is what a line may be, said in another way.
var reference = regexp.MustCompile(`^([0-9A-Fa-f]{35}|[0-9A-Fa-f]{40})(?::([0-9]+))?$`)

func FuzzLine(f *testing.F) {
	const hash = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8"
	for _, text := range []string{
		hash, strings.ToLower(hash), hash + ":3730471", hash[5:] + ":0", hash[5:], hash[:32], "", ":", hash + ":", hash + ":-1", hash + ":1:2", hash + "0",
		hash + ":18446744073709551615", hash + ":18446744073709551616", "hunter2", "\x00", "００００",
	} {
		f.Add(text, "")
		f.Add(text, "5baa6")
	}
	f.Fuzz(func(t *testing.T, text, prefix string) {
		if prefix = prefixOf(prefix); prefix != "" {
			prefix = strings.ToUpper(prefix)
		}
		got, err := parseLine([]byte(text), prefix)
		match := reference.FindStringSubmatch(text)
		count, countErr := uint64(1), error(nil)
		if match != nil && match[2] != "" {
			count, countErr = strconv.ParseUint(match[2], 10, 64)
		}
		good := match != nil && countErr == nil && len(text) <= maxLine && (len(match[1]) == hashDigits || prefix != "")
		if good && count > maxCertain {
			return // the last numbers may be refused
		}
		if (err == nil) != good {
			t.Fatalf("%q with prefix %q: err = %v, want it taken: %v", text, prefix, err, good)
		}
		if err != nil {
			if len(text) > 3 && strings.Contains(err.Error(), text) {
				t.Fatalf("the error quotes the line: %v", err)
			}
			return
		}
		whole := match[1]
		if len(whole) == suffixDigits {
			whole = prefix + whole
		}
		if hex.EncodeToString(got.hash[:]) != strings.ToLower(whole) || got.count != count || got.counted != strings.Contains(text, ":") {
			t.Fatalf("%q was read as count %d (%v)", text, got.count, got.counted)
		}
	})
}

// maxCertain is the largest count that is surely taken.
const maxCertain = 1 << 63

func TestHeaderIsReadAsWritten(t *testing.T) {
	h := sample()
	got, err := decode(h.encode())
	if err != nil || !slices.Equal(got.shards, h.shards) || got.info.Source != h.info.Source || !got.info.Built.Equal(h.info.Built) || got.content != h.content {
		t.Errorf("decode = %+v, %v; want %+v", got, err, h)
	}
}

func TestTablesThatCantBe(t *testing.T) {
	for name, spoil := range map[string]func(*header){
		"a shard elsewhere":               func(h *header) { h.shards[1].offset = 128 },
		"a shard over another":            func(h *header) { h.shards[1].offset = 0 },
		"a segment of three":              func(h *header) { h.shards[0].segmentLength = 3 },
		"a segment too long":              func(h *header) { h.shards[0].segmentLength = 2 * maxSegment },
		"no segment":                      func(h *header) { h.shards[0].segmentCount = 0 },
		"segments beyond the numbers":     func(h *header) { h.shards[0].segmentCount = 1 << 31 },
		"fewer fingerprints":              func(h *header) { h.shards[0].fingerprints = 8 },
		"numbers in a shard without keys": func(h *header) { h.shards[0].keys = 0 },
		"another sum of keys":             func(h *header) { h.info.Hashes = 6 },
		"content elsewhere":               func(h *header) { h.content.offset = 8192 },
		"content longer than its parts":   func(h *header) { h.content.length++ },
	} {
		h := sample()
		spoil(&h)
		if _, err := decode(h.encode()); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// TestLoadedIsAsMapped: what systems use that don't map.
func TestLoadedIsAsMapped(t *testing.T) {
	path := t.TempDir() + "/f"
	if err := os.WriteFile(path, bytes.Repeat([]byte("0123456789abcdef"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	one, releaseOne, err := mapped(f, 16000)
	if err != nil {
		t.Fatal(err)
	}
	two, releaseTwo, err := load(f, 16000)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, two) || !slices.Equal(fingerprints(one[64:128]), fingerprints(two[64:128])) {
		t.Error("a file that is loaded isn't the one that is mapped")
	}
	if _, _, err := load(f, 16001); err == nil {
		t.Error("a file that is shorter than it should be was loaded")
	}
	for _, release := range []func() error{releaseOne, releaseTwo} {
		if err := release(); err != nil {
			t.Error(err)
		}
	}
}

// TestSpillGivesBackWhatItTook: blocks of all partitions lie mixed in one file.
func TestSpillGivesBackWhatItTook(t *testing.T) {
	dir := t.TempDir()
	s, err := newSpill(dir, maxPartitions)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("the spill file has a name: %v, %v", entries, err)
	}
	perBlock := s.blockSize / keySize
	want := map[int][]uint64{}
	for i := range uint64(5*perBlock + 3) {
		for _, p := range []int{0, 1, maxPartitions - 1} {
			want[p] = append(want[p], i*uint64(p+1))
			if err := s.add(p, i*uint64(p+1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	buffer := make([]byte, s.blockSize)
	for _, p := range []int{0, 1, 2, maxPartitions - 1} {
		if got, err := s.read(p, nil, buffer); err != nil || !slices.Equal(got, want[p]) {
			t.Errorf("partition %d: %d keys, %v; want %d", p, len(got), err, len(want[p]))
		}
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

func TestPartitionsHoldOneToTwoShards(t *testing.T) {
	for keys, want := range map[int64]int{0: 1, 1: 1, 99: 1, 199: 1, 200: 2, 399: 2, 400: 4, 1000: 8, 1 << 60: maxPartitions} {
		if got := partitionsFor(keys, 100); got != want {
			t.Errorf("%d keys at 100: %d partitions, want %d", keys, got, want)
		}
	}
}
