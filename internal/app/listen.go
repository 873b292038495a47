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
// one). When the port is taken, the error is a *PortTakenError.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &PortTakenError{Port: portOf(address), err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}

// PortTakenError says that something else listens on a port. How to choose another is for the command to say.
type PortTakenError struct {
	Port int
	err  error
}

func (e *PortTakenError) Error() string { return fmt.Sprintf("port %d in use", e.Port) }

// Unwrap gives the system's error.
func (e *PortTakenError) Unwrap() error { return e.err }

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
