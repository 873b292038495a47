package store

import (
	"context"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/history"
)

// Store is risk's storage. See the package comment for what a transaction promises.
type Store interface {
	View(ctx context.Context, fn func(Tx) error) error
	Update(ctx context.Context, fn func(Tx) error) error
}

// Tx is one transaction, seen through its roles.
type Tx struct {
	Histories Histories
	Cursors   Cursors
	Decisions Decisions
	// Audit and Policies are the shared roles: what is written through them is kept exactly when the change is.
	Audit    audit.Log
	Policies policy.Records
}

// Histories keeps what is known of each user's sign-ins. Together with Cursors it is the view that risk builds from events.
type Histories interface {
	Get(userID string) (history.History, error)
	Put(userID string, h history.History) error
	// Clear forgets every user.
	Clear() error
}

// Cursors keeps how far each stream has been read.
type Cursors interface {
	Get(stream string) (history.Cursor, error)
	// Put keeps the cursor; the zero one means that the stream is read from its beginning.
	Put(stream string, c history.Cursor) error
}

// Decisions keeps the record of assessments.
type Decisions interface {
	// Add keeps the records. A record that is there already, by its id, is replaced and counts once.
	Add(records ...decision.Record) error
	// Get also says whether there is such a record.
	Get(id string) (decision.Record, bool, error)
	// List answers with one page, in the order of ids from the newest on.
	List(Page) ([]decision.Record, error)
	// Trim deletes the oldest records, by id: those made before a moment and those beyond the newest keep; at most limit, and
	// returns how many.
	Trim(before time.Time, keep, limit int) (int, error)
}

// Page says which decisions to list.
type Page struct {
	UserID string // only this user's; all if empty
	Before string // the id that the last page ended with; empty for the first page
	Limit  int    // at least 1
}
