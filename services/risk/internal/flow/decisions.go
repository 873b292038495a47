package flow

import (
	"context"
	"fmt"
	"time"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/store"
)

const (
	defaultPage = 50
	maxPage     = 200
	// sweepBatch bounds one transaction of a sweep.
	sweepBatch = 500
)

// Decisions shows what was decided, and forgets it in time.
type Decisions struct {
	store    store.Store
	keepFor  time.Duration
	keepMost int
	now      func() time.Time
}

// List returns a page of decisions, newest first, of one user or of all, and the token of the next page; empty at the end.
func (d *Decisions) List(ctx context.Context, userID string, size int, token string) (page []decision.Record, next string, err error) {
	if size <= 0 {
		size = defaultPage
	}
	size = min(size, maxPage)
	if token != "" && !id.Valid("dec", token) {
		return nil, "", errPageToken
	}
	// One more than asked for tells whether there is a next page.
	err = d.store.View(ctx, func(tx store.Tx) (err error) {
		page, err = tx.Decisions.List(store.Page{UserID: userID, Before: token, Limit: size + 1})
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("list decisions: %w", err)
	}
	if len(page) > size {
		page = page[:size]
		next = page[size-1].ID
	}
	return page, next, nil
}

// Explain returns one decision with every signal that was looked at.
func (d *Decisions) Explain(ctx context.Context, decisionID string) (decision.Record, error) {
	var record decision.Record
	var found bool
	err := d.store.View(ctx, func(tx store.Tx) (err error) {
		record, found, err = tx.Decisions.Get(decisionID)
		return err
	})
	switch {
	case err != nil:
		return decision.Record{}, fmt.Errorf("explain a decision: %w", err)
	case !found:
		return decision.Record{}, errNoDecision
	default:
		return record, nil
	}
}

// Sweep forgets decisions that are past their time, in small transactions, and returns how many.
func (d *Decisions) Sweep(ctx context.Context) (int, error) {
	before := d.now().Add(-d.keepFor)
	total := 0
	for {
		n := 0
		err := d.store.Update(ctx, func(tx store.Tx) (err error) {
			n, err = tx.Decisions.Trim(before, d.keepMost, sweepBatch)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("sweep decisions: %w", err)
		}
		total += n
		if n < sweepBatch {
			return total, nil
		}
	}
}
