package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// The bounds of a stop. A server's own grace for the calls in flight fits into the first.
const (
	// Grace is how long all tasks together may take to stop one after the other.
	Grace = 20 * time.Second
	// lastChance is how long the rest have once the grace is spent.
	lastChance = 2 * time.Second
)

// ErrStuck is in the error of Run when tasks didn't stop in time.
var ErrStuck = errors.New("app: tasks did not stop in time")

// Task is something that runs as long as the process does. Run returns soon after
// its context ends; context.Cause says why it ended. A task that returns nil
// earlier was a task with an end, and the others go on.
type Task struct {
	Name string
	Run  func(context.Context) error
}

// running is a started task. err is read only after done is closed.
type running struct {
	name   string
	cancel context.CancelCauseFunc
	done   chan struct{}
	err    error
}

// Run starts the tasks and returns when all have ended. When ctx ends or a task
// fails, it stops the tasks, the last one first, each after the one behind it has
// ended. It returns the first failure and whatever went wrong while stopping; a
// stop that was asked for through ctx is no failure.
//
// Each task has one goroutine, which Run owns: it outlives Run only if the task
// ignores its context for longer than Grace, and then the error names it.
func Run(ctx context.Context, logger *slog.Logger, tasks ...Task) error {
	ended := make(chan *running, len(tasks))
	started := make([]*running, 0, len(tasks))
	for _, task := range tasks {
		started = append(started, start(ctx, task, ended))
	}

	failed, cause := wait(ctx, logger, ended, len(tasks))
	if cause == nil {
		return nil
	}
	logger.LogAttrs(ctx, slog.LevelInfo, "stopping", slog.String("cause", cause.Error()))
	stop(started, cause)

	var errs []error
	if failed != nil {
		errs = append(errs, cause)
	}
	err := errors.Join(append(errs, outcome(started, failed)...)...)
	if !errors.Is(err, ErrStuck) {
		logger.LogAttrs(ctx, slog.LevelInfo, "stopped")
	}
	return err
}

// start gives the task a context of its own, which keeps ctx's values but not its
// end: in which order tasks end is for stop to say.
func start(ctx context.Context, task Task, ended chan<- *running) *running {
	taskCtx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	r := &running{name: task.Name, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer cancel(nil)
		r.err = task.Run(taskCtx)
		close(r.done)
		ended <- r
	}()
	return r
}

// wait returns the reason to stop and the task that gave it, or nils when every task came to its end.
func wait(ctx context.Context, logger *slog.Logger, ended <-chan *running, left int) (*running, error) {
	for ; left > 0; left-- {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case r := <-ended:
			if r.err != nil {
				return r, fmt.Errorf("%s: %w", r.name, r.err)
			}
			logger.LogAttrs(ctx, slog.LevelDebug, "task ended", slog.String("task", r.name))
		}
	}
	return nil, nil
}

func stop(started []*running, cause error) {
	grace := time.NewTimer(Grace)
	defer grace.Stop()
	for _, r := range slices.Backward(started) {
		r.cancel(cause)
		select {
		case <-r.done:
		case <-grace.C:
			stopAtOnce(started, cause)
			return
		}
	}
}

func stopAtOnce(started []*running, cause error) {
	for _, r := range started {
		r.cancel(cause)
	}
	last := time.NewTimer(lastChance)
	defer last.Stop()
	for _, r := range started {
		select {
		case <-r.done:
		case <-last.C:
			return
		}
	}
}

// outcome lists what went wrong in tasks other than the one that began the stop.
func outcome(started []*running, failed *running) []error {
	var errs []error
	var stuck []string
	for _, r := range started {
		select {
		case <-r.done:
			if r != failed && r.err != nil && !errors.Is(r.err, context.Canceled) {
				errs = append(errs, fmt.Errorf("%s, while stopping: %w", r.name, r.err))
			}
		default:
			stuck = append(stuck, r.name)
		}
	}
	if len(stuck) > 0 {
		errs = append(errs, fmt.Errorf("%w: %s", ErrStuck, strings.Join(stuck, ", ")))
	}
	return errs
}
