package flow

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/store"
)

// MaxPage is the most that one page of a list holds, DefaultPage what it holds when nobody says.
const (
	MaxPage     = 200
	DefaultPage = 50
)

// Operators shows what became of mails.
type Operators struct{ Deps }

// NewOperators puts the use cases together.
func NewOperators(d Deps) *Operators { return &Operators{d} }

// Deliveries is a page of deliveries, newest first, and where the next one begins; empty at the end.
func (f *Operators) Deliveries(ctx context.Context, filter alert.Filter) (page []alert.Delivery, next string, err error) {
	if filter.Before != "" && !id.Valid("dlv", filter.Before) {
		return nil, "", errPageToken
	}
	size := pageSize(filter.Limit)
	filter.Limit = size + 1 // one more shows whether there is another page
	err = f.Store.View(ctx, func(tx store.Tx) (err error) {
		page, err = tx.Deliveries.List(filter)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("list deliveries: %w", err)
	}
	if len(page) > size {
		page = page[:size]
		next = page[size-1].ID
	}
	return page, next, nil
}

func pageSize(limit int) int {
	if limit <= 0 {
		return DefaultPage
	}
	return min(limit, MaxPage)
}
