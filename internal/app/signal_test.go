package app_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/app"
)

func TestSIGTERMEndsTheContext(t *testing.T) {
	ctx, stop := app.SignalContext(t.Context())
	defer stop()
	if ctx.Err() != nil {
		t.Fatal("ended before the signal")
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	patience := time.NewTimer(10 * time.Second)
	defer patience.Stop()
	select {
	case <-ctx.Done():
	case <-patience.C:
		t.Error("SIGTERM didn't end the context")
	}
}
