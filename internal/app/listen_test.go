package app_test

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/doorward/doorward/internal/app"
)

func TestTakenPortIsNamed(t *testing.T) {
	first, err := app.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	port := first.Addr().(*net.TCPAddr).Port

	_, err = app.Listen(t.Context(), first.Addr().String())
	var taken *app.PortTakenError
	if want := fmt.Sprintf("port %d in use", port); !errors.As(err, &taken) || taken.Port != port || err.Error() != want {
		t.Errorf("Listen = %v, want %q", err, want)
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Listen = %v, want it to wrap EADDRINUSE", err)
	}
}

func TestBadAddressIsNamed(t *testing.T) {
	if l, err := app.Listen(t.Context(), "127.0.0.1:nowhere"); err == nil {
		l.Close()
		t.Error("Listen took a port that isn't one")
	}
}
