// Package durable puts files on disk so that each is there whole or not at all, also after a power cut, and for its owner alone.
//
// A file is written under a temporary name in its own folder, synced, and only then given its name; the folder is synced after it. What a
// crash leaves behind is at most a temporary file, whose name begins with ".new-".
//
// It knows nothing of what is in a file. Called by whoever keeps one: stores and their copies.
package durable
