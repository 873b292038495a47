package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// SignalContext ends with the first SIGINT or SIGTERM. The second one kills the
// process as usual, for a person who won't wait for the graceful stop. Call it
// from main alone, and call stop when done.
func SignalContext(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
