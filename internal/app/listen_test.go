package app_test

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/doorward/doorward/internal/app"
)

func TestTakenPortSaysHowToMove(t *testing.T) {
	first, err := app.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	port := first.Addr().(*net.TCPAddr).Port

	_, err = app.Listen(t.Context(), first.Addr().String())
	base := (port/100 + 1) * 100
	if base > 65400 {
		base = 7400
	}
	if want := fmt.Sprintf("port %d in use; try --port-base %d", port, base); err == nil || err.Error() != want {
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
