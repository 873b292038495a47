package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// Listen opens a TCP listener on address ("127.0.0.1:7401", or port 0 for any free
// one). When the port is taken, the error says how to move the whole suite.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &portInUseError{port: portOf(address), err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}

type portInUseError struct {
	port int
	err  error
}

func (e *portInUseError) Error() string {
	return fmt.Sprintf("port %d in use; try --port-base %d", e.port, otherBase(e.port))
}

func (e *portInUseError) Unwrap() error { return e.err }

func portOf(address string) int {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0
	}
	return n
}

// otherBase is the next round hundred, or the usual base when that would leave the range.
func otherBase(port int) int {
	const usual, highest = 7400, 65400
	next := (port/100 + 1) * 100
	if next > highest {
		return usual
	}
	return next
}
