// Package corpus is the set of breached passwords on disk: a file that is built once from a downloaded corpus and asked in place.
//
// It owns the file's format, how it is built in bounded memory, and how it is opened. It doesn't own what an answer means: that is package
// breach, whose Corpus this is. It knows hashes only, no password.
//
// # The file
//
// All numbers are little-endian.
//
//	 offset
//	      0  magic "DWBREACH", format version, number of shards, number of hashes, minimum count, when it was built,
//	         place, length and SHA-256 of the content, from what it was built
//	    256  for each shard: place in the content, number of keys and of fingerprints, seed, length and number of segments
//	         SHA-256 of all the above, then zeros up to the next page
//	content  for each shard its fingerprints, 16 bits each, from a multiple of 64 bytes on
//
// A shard is a binary fuse filter (Graf and Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters", 2022) with fingerprints of 16 bits: 18 bits
// a hash, and "yes" to one in 65,536 that aren't in it. The first eight bytes of a SHA-1 are the key, the four after them say in which shard
// it is. Shards aren't cut by the first digits: a part of a corpus, such as one of its range files, then fills all shards alike.
//
// The header's checksum is checked by Open, which reads no more than the header; the content's by Verify. Both find damage. They don't tell who built
// the file: whoever may write it decides which passwords are refused, as with any other configuration.
//
// # Building
//
//	lines of the files --> partitions, spilled to one nameless file beside the target --> each shard by itself: sort, drop doubles, build,
//	look for every key in it --> the file under a temporary name --> Verify --> its name
//
// Memory holds a block of each partition, and one shard for each core. The file is there whole or not at all. The same hashes give the same
// content, in whatever order and files they come.
//
// Called by authn's wiring, which opens a corpus, and by `doorward breach`.
package corpus
