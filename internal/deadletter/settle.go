package deadletter

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/telemetry"
)

// recordTimeout bounds an audit record, which is kept also when the caller has gone.
const recordTimeout = 5 * time.Second

// errFailsAgain marks the handler's own failure in a replay.
var errFailsAgain = errors.New("deadletter: the message failed again")

// action is what an operator does about one letter.
type action struct {
	name     string
	sequence uint64
	note     string
	do       func(ctx context.Context, letterID string) error
}

// settle does it, between two audit records: the order, before anything is done, and how it ended. The letter is on the bus and not in the store,
// so the two can't be one transaction; an order without an end is a crash in between.
func (s *Service) settle(ctx context.Context, a action) error {
	by, ok := access.FromContext(ctx)
	if !ok {
		return fmt.Errorf("deadletter: %s: it isn't known who asks", a.name)
	}
	if err := s.note(ctx, by, a, a.name+".order", audit.Done); err != nil {
		return err
	}
	failure := s.apply(ctx, a)
	outcome := audit.Done
	if failure != nil {
		outcome = audit.Failed
	}
	if err := s.note(ctx, by, a, a.name, outcome); err != nil {
		return err
	}
	return public(failure)
}

// apply finds the letter by its place. One that was settled a moment ago is no letter any more.
func (s *Service) apply(ctx context.Context, a action) error {
	if a.sequence == 0 {
		return bus.ErrNoLetter
	}
	found, err := s.dead.List(ctx, a.sequence-1, 1)
	if err != nil {
		return err
	}
	if len(found) == 0 || found[0].Cursor() != a.sequence {
		return bus.ErrNoLetter
	}
	return a.do(ctx, found[0].ID)
}

func (s *Service) replay(ctx context.Context, letterID string) error {
	return s.dead.Replay(ctx, letterID, func(ctx context.Context, e bus.Event) error {
		if err := s.handle(ctx, e); err != nil {
			return fmt.Errorf("%w: %w", errFailsAgain, err)
		}
		return nil
	})
}

func (s *Service) note(ctx context.Context, by access.Principal, a action, name string, outcome audit.Outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	now := s.now()
	err := s.record(ctx, audit.Record{
		ID: id.New("aud", now), At: now, Action: name, Outcome: outcome, Reason: a.note,
		Actor:   audit.Actor{Kind: audit.Operator, ID: by.ID, Name: by.Name},
		Target:  audit.Target{Kind: "dead_letter", ID: strconv.FormatUint(a.sequence, 10)},
		Network: by.Peer, Authority: by.Authority(), RequestID: telemetry.RequestID(ctx),
	})
	if err != nil {
		return fmt.Errorf("deadletter: record %s: %w", name, err)
	}
	return nil
}
