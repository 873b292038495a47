//go:build linux || darwin

package corpus

import (
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// mapped maps a whole file, read-only. Look-ups jump about in it: the system is told not to read ahead.
func mapped(f *os.File, size int64) ([]byte, func() error, error) {
	if size > math.MaxInt {
		return nil, nil, fmt.Errorf("it has %d bytes, more than this machine can address", size)
	}
	content, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, fmt.Errorf("map it into memory: %w", err)
	}
	_ = unix.Madvise(content, unix.MADV_RANDOM) // advice alone: without it the first look-ups read more than they need
	return content, func() error { return unix.Munmap(content) }, nil
}
