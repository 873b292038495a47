package flow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
)

const (
	// followEvery is how soon a change by another replica is seen.
	followEvery = time.Second
	// listsShare bounds what following may take of a processor: it rests so many times as long as it took.
	listsShare = 4
	// listsWait is how long a sign-up waits for the first reading.
	listsWait = 2 * time.Second
	// entriesPage is how many entries one transaction reads.
	entriesPage = 4000
	// readings is how often the entries are read anew where they changed too fast to be followed.
	readings = 3
)

// Lists keep the index of the entries of who may sign up: read once after the start, and then followed through the changes that the store
// remembers. A start doesn't wait for the reading, which is a matter of seconds for a million entries: sign-ups do.
//
// When the store can't be read, the lists stay as they were.
type Lists struct {
	store   store.Store
	logger  *slog.Logger
	metrics *Metrics
	current atomic.Pointer[indexed]
	// turn is held by who reads; there is one place.
	turn chan struct{}
	// first is closed by the first reading.
	first chan struct{}
}

// indexed is an index, and the version of the entries that it is of.
type indexed struct {
	index   *restriction.Index
	version uint64
}

// NewLists reads nothing yet: Watch does, or Refresh.
func NewLists(s store.Store, logger *slog.Logger, metrics *Metrics) *Lists {
	return &Lists{store: s, logger: logger, metrics: metrics, turn: make(chan struct{}, 1), first: make(chan struct{})}
}

// Index is the current one. It waits a moment for the first reading, and fails when that hasn't come.
func (l *Lists) Index(ctx context.Context) (*restriction.Index, error) {
	if now := l.current.Load(); now != nil {
		return now.index, nil
	}
	timer := time.NewTimer(listsWait)
	defer timer.Stop()
	select {
	case <-l.first:
		return l.current.Load().index, nil
	case <-timer.C:
		return nil, errListsUnread
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Watch reads the entries and follows them until ctx ends.
func (l *Lists) Watch(ctx context.Context) {
	told := ""
	for {
		began := time.Now()
		err := l.Refresh(ctx)
		if err != nil && ctx.Err() == nil && err.Error() != told {
			told = err.Error()
			l.logger.LogAttrs(ctx, slog.LevelError, "the lists of who may sign up can't be read; those that were read stay", slog.Any("error", err))
		}
		if err == nil {
			told = ""
		}
		rest := time.NewTimer(max(followEvery, listsShare*time.Since(began)))
		select {
		case <-rest.C:
		case <-ctx.Done():
			rest.Stop()
			return
		}
	}
}

// Refresh brings the index up to date with what the store has at this moment.
func (l *Lists) Refresh(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if now := l.current.Load(); now != nil {
		if next, ok, err := l.follow(ctx, now); err != nil || ok {
			l.put(next)
			return err
		}
	}
	for range readings {
		read, err := l.read(ctx)
		if err != nil {
			return fmt.Errorf("read restrictions: %w", err)
		}
		next, ok, err := l.follow(ctx, read)
		if err != nil || ok {
			l.put(next)
			return err
		}
		l.put(read)
	}
	return errListsBusy
}

var errListsBusy = errors.New("read restrictions: they change faster than they are read")

// follow applies what changed since; false when that isn't remembered.
func (l *Lists) follow(ctx context.Context, from *indexed) (next *indexed, ok bool, err error) {
	var state store.RestrictionState
	var changes []restriction.Change
	err = l.store.View(ctx, func(tx store.Tx) (err error) {
		if state, err = tx.Restrictions.State(); err != nil {
			return err
		}
		changes, ok, err = tx.Restrictions.Since(from.version)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("follow restrictions: %w", err)
	}
	if !ok || len(changes) == 0 {
		return from, ok, nil
	}
	index, err := from.index.With(changes...)
	if err != nil {
		return nil, false, err
	}
	return &indexed{index: index, version: state.Version}, true, nil
}

// read reads all entries, a page a transaction: one transaction would be in the way of a store that grows. What changes meanwhile is in the
// index or it isn't, and whoever follows from the version on has it right.
func (l *Lists) read(ctx context.Context) (*indexed, error) {
	var state store.RestrictionState
	err := l.store.View(ctx, func(tx store.Tx) (err error) {
		state, err = tx.Restrictions.State()
		return err
	})
	if err != nil {
		return nil, err
	}
	var failed error
	index, err := restriction.NewIndex(func(yield func(restriction.Entry) bool) {
		for _, list := range restriction.Lists() {
			var more bool
			if more, failed = l.pages(ctx, list, yield); failed != nil || !more {
				return
			}
		}
	})
	if err = errors.Join(failed, err); err != nil {
		return nil, err
	}
	return &indexed{index: index, version: state.Version}, nil
}

// pages yields a list's entries; false when nobody wants more.
func (l *Lists) pages(ctx context.Context, list restriction.List, yield func(restriction.Entry) bool) (more bool, err error) {
	for after := ""; ; {
		var page []restriction.Entry
		err := l.store.View(ctx, func(tx store.Tx) (err error) {
			page, err = tx.Restrictions.Entries(list, after, entriesPage)
			return err
		})
		if err != nil {
			return false, err
		}
		for _, entry := range page {
			if !yield(entry) {
				return false, nil
			}
		}
		if len(page) < entriesPage {
			return true, nil
		}
		after = page[len(page)-1].String()
	}
}

// put makes an index the current one; nil leaves the one that is. Only who has the turn calls it.
func (l *Lists) put(next *indexed) {
	if next == nil {
		return
	}
	isFirst := l.current.Load() == nil
	l.current.Store(next)
	l.metrics.listed(next.index)
	if isFirst {
		close(l.first)
	}
}
