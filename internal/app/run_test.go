package app_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorward/doorward/internal/app"
)

var quiet = slog.New(slog.DiscardHandler)

// journal keeps the order in which tasks ended.
type journal struct {
	mu    sync.Mutex
	names []string
}

func (j *journal) add(name string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.names = append(j.names, name)
}

func (j *journal) task(name string, linger time.Duration) app.Task {
	return app.Task{Name: name, Run: func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(linger) // synctest's clock
		j.add(name)
		return ctx.Err()
	}}
}

func TestAskedStopIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		var j journal
		if err := app.Run(ctx, quiet, j.task("only", 0)); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
}

func TestTasksStopInReverseEachAfterTheOneBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		var j journal
		err := app.Run(ctx, quiet, j.task("bus", 0), j.task("relay", time.Second), j.task("server", 3*time.Second))
		if err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if want := []string{"server", "relay", "bus"}; !slices.Equal(j.names, want) {
			t.Errorf("tasks ended in the order %v, want %v", j.names, want)
		}
	})
}

func TestFirstFailureStopsAllAndIsReturned(t *testing.T) {
	errDisk := errors.New("disk full")
	synctest.Test(t, func(t *testing.T) {
		var j journal
		var cause error
		err := app.Run(t.Context(), quiet,
			j.task("bus", 0),
			app.Task{Name: "store", Run: func(context.Context) error {
				time.Sleep(time.Second)
				return errDisk
			}},
			app.Task{Name: "server", Run: func(ctx context.Context) error {
				<-ctx.Done()
				cause = context.Cause(ctx)
				return ctx.Err()
			}},
		)
		if !errors.Is(err, errDisk) || err.Error() != "store: disk full" {
			t.Errorf("Run = %v, want the failure with the task's name, once", err)
		}
		if !errors.Is(cause, errDisk) {
			t.Errorf("the others' cause = %v, want the failure", cause)
		}
		if !slices.Equal(j.names, []string{"bus"}) {
			t.Errorf("stopped: %v, want bus", j.names)
		}
	})
}

func TestFailureWhileStoppingIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := app.Run(ctx, quiet, app.Task{Name: "relay", Run: func(ctx context.Context) error {
			<-ctx.Done()
			return errors.New("3 events not published")
		}})
		if err == nil || !strings.Contains(err.Error(), "relay, while stopping: 3 events") {
			t.Errorf("Run = %v, want relay's failure", err)
		}
	})
}

func TestStopIsBoundedAndNamesWhoIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		release := make(chan struct{})
		defer close(release)
		var j journal
		began := time.Now()
		err := app.Run(ctx, quiet, j.task("bus", 0), app.Task{Name: "server", Run: func(context.Context) error {
			<-release
			return nil
		}})
		if !errors.Is(err, app.ErrStuck) || !strings.Contains(err.Error(), "server") || strings.Contains(err.Error(), "bus") {
			t.Errorf("Run = %v, want ErrStuck naming server alone", err)
		}
		if took := time.Since(began); took > app.Grace+5*time.Second {
			t.Errorf("Run took %v", took)
		}
		if !slices.Equal(j.names, []string{"bus"}) {
			t.Errorf("stopped: %v, want bus to have had its chance", j.names)
		}
	})
}

func TestTaskWithAnEndLeavesTheOthersRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour, cancel)
		began := time.Now()
		var j journal
		once := app.Task{Name: "migrate", Run: func(context.Context) error { return nil }}
		if err := app.Run(ctx, quiet, once, j.task("server", 0)); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if took := time.Since(began); took < time.Hour {
			t.Errorf("Run ended after %v, with the one-off task", took)
		}
		if err := app.Run(t.Context(), quiet, once, once); err != nil {
			t.Errorf("Run of ended tasks = %v, want nil", err)
		}
	})
}

func TestRunWithoutTasksReturns(t *testing.T) {
	if err := app.Run(t.Context(), quiet); err != nil {
		t.Errorf("Run = %v", err)
	}
}
