package audit

import "errors"

var (
	// ErrInvalid wraps all that a record lacks. The transaction must fail with
	// it: a change whose record can't be written isn't made.
	ErrInvalid = errors.New("the audit record is incomplete")
	// ErrDuplicate says that there is a record with this id.
	ErrDuplicate = errors.New("there is an audit record with this id already")
)

// MaxPage is the most records that one page holds.
const MaxPage = 500

// Log is the writing role of a store, inside one of its transactions.
type Log interface {
	// Append stores the record under the next sequence number. It refuses what
	// Validate refuses, and an id that is in use (ErrDuplicate); then nothing
	// changes and no number is spent.
	Append(Record) error
}

// Reader is the reading role of a store, inside one of its transactions.
type Reader interface {
	// List returns the records of the page, in the order of their ids.
	List(Page) ([]Record, error)
}

// Page says which records to list.
type Page struct {
	// After is the id that the last page ended with; empty for the first page.
	After string
	// Limit is the most to return; 0 and more than MaxPage mean MaxPage.
	Limit int
	// NewestFirst turns the order round; After then leads to older records.
	NewestFirst bool
}

// Size is the limit, brought within its bounds.
func (p Page) Size() int {
	if p.Limit <= 0 || p.Limit > MaxPage {
		return MaxPage
	}
	return p.Limit
}
