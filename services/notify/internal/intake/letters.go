package intake

import (
	"context"
	"errors"
	"fmt"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/services/notify/internal/flow"
)

// Letters are notify's dead letters.
type Letters struct {
	dead   *bus.Dead
	intake *Intake
}

var _ flow.Letters = (*Letters)(nil)

// NewLetters makes them replayable by the intake that gave them up.
func NewLetters(dead *bus.Dead, intake *Intake) *Letters { return &Letters{dead: dead, intake: intake} }

// List implements flow.Letters.
func (l *Letters) List(ctx context.Context, after uint64, limit int) ([]flow.Letter, error) {
	found, err := l.dead.List(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]flow.Letter, 0, len(found))
	for _, letter := range found {
		out = append(out, convert(letter))
	}
	return out, nil
}

// convert shows a letter whatever is in it: what never was an event has neither id nor type.
func convert(letter bus.Letter) flow.Letter {
	out := flow.Letter{
		Sequence: letter.Cursor(), Consumer: string(letter.Owner) + " of " + letter.Stream, Cause: letter.Reason, DiedAt: letter.At,
	}
	if e, err := letter.Event(); err == nil {
		out.EventID, out.Type = e.ID, e.Type
	}
	return out
}

// Replay implements flow.Letters. Handling is idempotent, so that a letter which was settled a moment ago is harmless.
func (l *Letters) Replay(ctx context.Context, sequence uint64) error {
	if sequence == 0 {
		return flow.ErrNoLetter
	}
	found, err := l.dead.List(ctx, sequence-1, 1)
	if err != nil {
		return err
	}
	if len(found) == 0 || found[0].Cursor() != sequence {
		return flow.ErrNoLetter
	}
	var failure error
	err = l.dead.Replay(ctx, found[0].ID, func(ctx context.Context, e bus.Event) error {
		failure = l.intake.Handle(ctx, e)
		return failure
	})
	switch {
	case errors.Is(err, bus.ErrNoLetter), errors.Is(err, bus.ErrLetterChanged):
		return fmt.Errorf("%w: %w", flow.ErrNoLetter, err)
	case failure != nil, errors.Is(err, bus.ErrInvalidEvent):
		return fmt.Errorf("%w: %w", flow.ErrStillFails, err)
	}
	return err
}
