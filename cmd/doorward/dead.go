package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
)

type deadCmd struct {
	List   deadListCmd   `cmd:"" help:"List the messages that a service gave up on, oldest first."`
	Replay deadReplayCmd `cmd:"" help:"Have a message handled once more, or all of them."`
	Drop   deadDropCmd   `cmd:"" help:"Remove a message unhandled, for good."`
}

func (deadCmd) Help() string {
	return `A message that can't be handled ends as a dead letter: mend the cause, then replay it. Replaying twice does nothing twice. notify is asked with the operator's
certificate. Example:

  . .doorward/operator.env; doorward dead list notify`
}

type deadListCmd struct {
	Service string `arg:"" enum:"authn,notify" help:"authn (commands) or notify (events and mails)."`
	paged
	JSON bool `name:"json" help:"Print the answer as JSON."`
}

func (deadListCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward dead list notify"
}

func (c *deadListCmd) Run(ctx context.Context, s streams) error {
	return query[*operatorv1.ListDeadLettersResponse]{
		service: c.Service, json: c.JSON,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*operatorv1.ListDeadLettersResponse, error) {
			return operatorv1.NewDeadLetterServiceClient(conn).ListDeadLetters(ctx,
				&operatorv1.ListDeadLettersRequest{PageSize: c.Limit, PageToken: c.Page})
		},
		show: func(w io.Writer, answer *operatorv1.ListDeadLettersResponse) error {
			if len(answer.GetDeadLetters()) == 0 {
				fmt.Fprintf(w, "%s has no dead letters\n", c.Service)
				return nil
			}
			t := newTable(w, "SEQUENCE", "DIED (UTC)", "EVENT", "TYPE", "CAUSE")
			for _, l := range answer.GetDeadLetters() {
				t.row(fmt.Sprint(l.GetSequence()), moment(l.GetDiedAt()), orUnknown(l.GetEventId()), orUnknown(l.GetType()), l.GetCause())
			}
			if err := t.flush(); err != nil {
				return err
			}
			fmt.Fprint(w, c.more("dead list "+c.Service, answer.GetNextPageToken()))
			return nil
		},
	}.run(ctx, s)
}

type deadReplayCmd struct {
	Service  string `arg:"" enum:"authn,notify" help:"authn or notify."`
	Sequence uint64 `arg:"" optional:"" help:"The letter's sequence, as doorward dead list shows it."`
	All      bool   `help:"Replay all that there are, oldest first; those that fail again stay."`
	JSON     bool   `name:"json" help:"Print what was handled as JSON."`
}

func (deadReplayCmd) Help() string {
	return "Exits 1 when a message fails again; it then stays. Example:\n\n  . .doorward/operator.env; doorward dead replay notify --all"
}

func (c *deadReplayCmd) Run(ctx context.Context, s streams) error {
	if c.All == (c.Sequence != 0) {
		return fmt.Errorf("give one letter's sequence, or --all")
	}
	conn, err := s.dial(c.Service)
	if err != nil {
		return err
	}
	defer conn.Close()
	letters := operatorv1.NewDeadLetterServiceClient(conn)
	done := replayed{Handled: []uint64{}, Failed: []uint64{}}
	if c.All {
		err = c.replayAll(ctx, s, letters, &done)
	} else {
		err = c.replay(ctx, s, letters, &done)
	}
	if c.JSON && (err == nil || c.All) {
		text := json.NewEncoder(s.out)
		text.SetIndent("", "  ")
		err = errors.Join(err, text.Encode(done))
	}
	return err
}

// replayed are the sequences of letters that were replayed.
type replayed struct {
	Handled []uint64 `json:"handled"`
	Failed  []uint64 `json:"failed"`
}

func (c *deadReplayCmd) replay(ctx context.Context, s streams, letters operatorv1.DeadLetterServiceClient, done *replayed) error {
	if _, err := letters.ReplayDeadLetter(ctx, &operatorv1.ReplayDeadLetterRequest{Sequence: c.Sequence}); err != nil {
		return s.advise(err, c.Service, noLetter(c.Service, c.Sequence))
	}
	c.handled(s, c.Sequence, done)
	return nil
}

func (c *deadReplayCmd) handled(s streams, sequence uint64, done *replayed) {
	done.Handled = append(done.Handled, sequence)
	if !c.JSON {
		fmt.Fprintf(s.out, "%d is handled\n", sequence)
	}
}

// replayAll goes through the pages. A letter that fails again doesn't keep the next from its turn.
func (c *deadReplayCmd) replayAll(ctx context.Context, s streams, letters operatorv1.DeadLetterServiceClient, done *replayed) error {
	for token, next := "", true; next; {
		page, err := letters.ListDeadLetters(ctx, &operatorv1.ListDeadLettersRequest{PageSize: 200, PageToken: token})
		if err != nil {
			return s.advise(err, c.Service, "")
		}
		for _, l := range page.GetDeadLetters() {
			if _, err := letters.ReplayDeadLetter(ctx, &operatorv1.ReplayDeadLetterRequest{Sequence: l.GetSequence()}); err != nil {
				done.Failed = append(done.Failed, l.GetSequence())
				fmt.Fprintf(s.err, "%d of %s: %v\n", l.GetSequence(), orUnknown(l.GetType()), err)
				continue
			}
			c.handled(s, l.GetSequence(), done)
		}
		token = page.GetNextPageToken()
		next = token != "" && ctx.Err() == nil
	}
	if len(done.Failed) > 0 {
		return fmt.Errorf("%d handled, %d failed again and stay", len(done.Handled), len(done.Failed))
	}
	if !c.JSON {
		fmt.Fprintf(s.out, "%d handled\n", len(done.Handled))
	}
	return context.Cause(ctx)
}

type deadDropCmd struct {
	Service  string `arg:"" enum:"authn,notify" help:"authn or notify."`
	Sequence uint64 `arg:"" help:"The letter's sequence, as doorward dead list shows it."`
	Note     string `required:"" help:"Why, for the audit record."`
	JSON     bool   `name:"json" help:"Print the answer as JSON."`
}

func (deadDropCmd) Help() string {
	return "What the message asked for is never done. Example:\n\n  . .doorward/operator.env; doorward dead drop notify 17 --note 'sealed to a key that is lost'"
}

func (c *deadDropCmd) Run(ctx context.Context, s streams) error {
	return query[*operatorv1.DropDeadLetterResponse]{
		service: c.Service, json: c.JSON, unfound: noLetter(c.Service, c.Sequence),
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*operatorv1.DropDeadLetterResponse, error) {
			return operatorv1.NewDeadLetterServiceClient(conn).DropDeadLetter(ctx,
				&operatorv1.DropDeadLetterRequest{Sequence: c.Sequence, Note: c.Note})
		},
		show: func(w io.Writer, _ *operatorv1.DropDeadLetterResponse) error {
			fmt.Fprintf(w, "%d is dropped\n", c.Sequence)
			return nil
		},
	}.run(ctx, s)
}

func noLetter(service string, sequence uint64) string {
	return fmt.Sprintf("%s has no dead letter %d; they are shown by doorward dead list %s", service, sequence, service)
}
