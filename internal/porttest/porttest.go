// Package porttest finds ports for what a test starts. Tests of commands and the end-to-end tests call it: what they start can't be
// handed a listener, and reads its neighbours' ports from a file before they listen. So do tests whose server listens later than its address is
// told, or stops and comes back: a port that the system chose may be anybody's by then, also a client's of the same test.
//
// A block is a base and the ports behind it, as `doorward dev --port-base` counts them. The base itself is listened on as long as the block is
// held, so that no other test takes it, in this process or another.
package porttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

const (
	// size is how many ports are behind a base: one for each part of a suite, and one for the debug listener of each service.
	size = 11
	// Blocks begin between these. Ports that systems hand out to clients by themselves are above.
	lowest, highest = 10_000, 32_000
	// tries is how many blocks are looked at. Most of the range is free on any machine.
	tries = 200
)

// ErrNone says that no free block was found.
var ErrNone = errors.New("no block of free ports was found")

// Hold is one port that nobody listens on, and that no other test is given before this one has ended.
func Hold(t testing.TB) int {
	t.Helper()
	base, release, err := Claim(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := release(); err != nil {
			t.Error(err)
		}
	})
	return base + 1
}

// Claim finds a base behind which all ports are free, and holds it until release.
func Claim(ctx context.Context) (base int, release func() error, err error) {
	for range tries {
		// Which block it is matters to nobody; it only should be another each time.
		base := lowest + rand.IntN((highest-lowest)/(size+1))*(size+1)
		if held, ok := claim(ctx, base); ok {
			return base, held.Close, nil
		}
	}
	return 0, nil, fmt.Errorf("%w from %d to %d", ErrNone, lowest, highest)
}

func claim(ctx context.Context, base int) (net.Listener, bool) {
	held, err := listen(ctx, base)
	if err != nil {
		return nil, false
	}
	for offset := 1; offset <= size; offset++ {
		l, err := listen(ctx, base+offset)
		if err != nil {
			_ = held.Close() // another block is tried
			return nil, false
		}
		_ = l.Close() // it was free a moment ago, and is again
	}
	return held, true
}

func listen(ctx context.Context, port int) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", Address(port))
}

// Address is a port on loopback.
func Address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
