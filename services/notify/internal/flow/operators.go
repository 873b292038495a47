package flow

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/store"
)

// MaxPage is the most that one page of a list holds, DefaultPage what it holds when nobody says.
const (
	MaxPage     = 200
	DefaultPage = 50
)

var (
	// ErrNoLetter comes from Letters: there is no such dead letter.
	ErrNoLetter = errors.New("no such dead letter")
	// ErrStillFails comes from Letters.Replay: the message couldn't be handled again.
	ErrStillFails = errors.New("the message failed again")
)

// Letter is a message that was given up.
type Letter struct {
	// Sequence is its place, and names it.
	Sequence                       uint64
	EventID, Type, Consumer, Cause string
	DiedAt                         time.Time
}

// Letters are the dead letters of this service.
type Letters interface {
	// List is those after a place, oldest first, at most limit.
	List(ctx context.Context, after uint64, limit int) ([]Letter, error)
	// Replay handles one as if it had just come, and removes it when that succeeds. ErrNoLetter, ErrStillFails.
	Replay(ctx context.Context, sequence uint64) error
}

// Operators shows what became of mails and messages.
type Operators struct {
	Deps
	letters Letters
}

// NewOperators puts the use cases together.
func NewOperators(d Deps, letters Letters) *Operators { return &Operators{Deps: d, letters: letters} }

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

// DeadLetters is a page of dead letters, oldest first, and where the next one begins; empty at the end.
func (f *Operators) DeadLetters(ctx context.Context, after string, limit int) (page []Letter, next string, err error) {
	var place uint64
	if after != "" {
		if place, err = strconv.ParseUint(after, 10, 64); err != nil {
			return nil, "", errPageToken
		}
	}
	size := pageSize(limit)
	page, err = f.letters.List(ctx, place, size+1)
	if err != nil {
		return nil, "", errLettersUnreachable.Because(err)
	}
	if len(page) > size {
		page = page[:size]
		next = strconv.FormatUint(page[size-1].Sequence, 10)
	}
	return page, next, nil
}

// Replay handles a dead letter once more. A message's handling is a transaction of its own, so the audit has two records: the order,
// before anything is done, and how it ended. An order without an end is a crash in between.
func (f *Operators) Replay(ctx context.Context, sequence uint64) error {
	by, ok := access.FromContext(ctx)
	if !ok {
		return errors.New("replay a dead letter: it isn't known who asks")
	}
	ordered := f.replay(ctx, by, sequence)
	ordered.Action = "dead_letter.replay.order"
	if err := f.note(ctx, ordered); err != nil {
		return err
	}
	failure := f.letters.Replay(ctx, sequence)
	ended := f.replay(ctx, by, sequence)
	if failure != nil {
		ended.Outcome = audit.Failed
	}
	if err := f.note(ctx, ended); err != nil {
		return err
	}
	switch {
	case failure == nil:
		return nil
	case errors.Is(failure, ErrNoLetter):
		return errNoLetter.Because(failure)
	case errors.Is(failure, ErrStillFails):
		return errReplayFailed.Because(failure)
	default:
		return errLettersUnreachable.Because(failure)
	}
}

func (f *Operators) replay(ctx context.Context, by access.Principal, sequence uint64) audit.Record {
	now := f.Now()
	return audit.Record{
		ID: id.New("aud", now), At: now, Action: "dead_letter.replay", Outcome: audit.Done,
		Actor:   audit.Actor{Kind: audit.Operator, ID: by.ID, Name: by.Name},
		Target:  audit.Target{Kind: "dead_letter", ID: strconv.FormatUint(sequence, 10)},
		Network: by.Peer, Authority: "certificate of " + by.ID, RequestID: telemetry.RequestID(ctx),
	}
}

// note keeps a record, also when the caller has gone.
func (f *Operators) note(ctx context.Context, r audit.Record) error {
	ctx, cancel := recording(ctx)
	defer cancel()
	if err := f.Store.Update(ctx, func(tx store.Tx) error { return tx.Audit.Append(r) }); err != nil {
		return fmt.Errorf("record a replay: %w", err)
	}
	return nil
}

func pageSize(limit int) int {
	if limit <= 0 {
		return DefaultPage
	}
	return min(limit, MaxPage)
}
