package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	notesv1 "github.com/doorward/doorward/examples/notes/gen/notes/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
)

const (
	callEvery   = time.Second
	callTimeout = 5 * time.Second
	// refreshBefore is how long before its end a token is exchanged: time for a few tries.
	refreshBefore = 10 * time.Second
)

func runWatch(ctx context.Context, args []string, terminal *terminal) error {
	flags := newFlags("watch")
	email := flags.String("email", "", "")
	signUp := flags.Bool("sign-up", false, "")
	address := flags.String("notes", defaultAddress, "")
	devices := flags.String("devices", ".doorward/notes", "")
	if err := parse(flags, args); err != nil {
		return err
	}
	if !strings.Contains(*email, "@") {
		return errors.New("watch needs --email with an address\n" + usage)
	}
	client, err := doorward.FromEnv(ctx, func(c *doorward.Config) { c.SolveChallenges = true }) // it runs at its user's own machine
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	conn, err := grpc.NewClient(*address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()

	codes, err := codesFromEnv(*email, terminal)
	if err != nil {
		return err
	}
	signer := &signer{
		client: client, device: deviceFor(*devices, *email), codes: codes, password: passwordFromEnv(terminal), terminal: terminal,
	}
	watcher := &watcher{
		signer: signer, notes: notesv1.NewNoteServiceClient(conn), out: terminal.out, every: callEvery, now: time.Now,
	}
	return watcher.run(ctx, *email, *signUp)
}

// codesFromEnv reads the development inbox when DOORWARD_INBOX names it, and asks otherwise.
func codesFromEnv(email string, terminal *terminal) (codeReader, error) {
	if address := os.Getenv("DOORWARD_INBOX"); address != "" {
		return newInboxCodes(address, email)
	}
	return typedCodes{terminal}, nil
}

// passwordFromEnv answers with NOTES_PASSWORD once, and asks otherwise.
func passwordFromEnv(terminal *terminal) passwordReader {
	given := os.Getenv("NOTES_PASSWORD")
	return func(ctx context.Context, question string) (string, error) {
		if given != "" {
			password := given
			given = "" // if it was wrong, it is wrong again
			return password, nil
		}
		return terminal.ask(ctx, question)
	}
}

// watcher calls the notes service in a user's name, and says what it sees.
type watcher struct {
	signer *signer
	notes  notesv1.NoteServiceClient
	out    io.Writer
	every  time.Duration
	now    func() time.Time
}

// run signs in and calls the service until the session or ctx ends. Both are an end as it should be.
func (w *watcher) run(ctx context.Context, email string, signUp bool) error {
	grant, err := w.signer.run(ctx, email, signUp)
	if err != nil {
		return explain(err)
	}
	fmt.Fprintf(w.out, `signed in as %s; this is session %s
end it from another terminal with:
  . .doorward/operator.env; go run ./cmd/doorward sessions revoke %s
`, email, grant.SessionID, grant.SessionID)

	tokens := doorward.Tokens{
		SessionToken: grant.SessionToken, SessionTokenExpiresAt: grant.SessionTokenExpiresAt, RefreshToken: grant.RefreshToken,
	}
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		tokens = w.refreshed(ctx, tokens)
		if ended := w.call(ctx, tokens); ended {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// refreshed exchanges tokens that end soon. When that fails it says so and returns the old ones: it is tried again with
// the next call, and it is the service that says when the session has ended.
func (w *watcher) refreshed(ctx context.Context, tokens doorward.Tokens) doorward.Tokens {
	if tokens.SessionTokenExpiresAt.Sub(w.now()) > refreshBefore {
		return tokens
	}
	from, err := w.signer.from()
	if err != nil {
		w.say("not refreshed: %v", err)
		return tokens
	}
	next, err := w.signer.client.Refresh(ctx, tokens.RefreshToken, from)
	if err != nil {
		w.say("not refreshed: %s", describe(err))
		return tokens
	}
	w.say("refreshed: a new token, good for %s", w.left(next))
	return next
}

// call lists the notes once and prints a line. It returns true when the service says that the session is over.
func (w *watcher) call(ctx context.Context, tokens doorward.Tokens) (ended bool) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+tokens.SessionToken.Reveal())
	answer, err := w.notes.ListNotes(ctx, &notesv1.ListNotesRequest{})
	if err == nil {
		w.say("ok: %d notes; the token is good for another %s", len(answer.GetNotes()), w.left(tokens))
		return false
	}
	reason, _ := doorward.ReasonOf(err)
	switch {
	case reason == typev1.Reason_REASON_SESSION_ENDED:
		w.say("refused: %s, though the token would have been good for another %s", describe(err), w.left(tokens))
		return true
	case reason == typev1.Reason_REASON_SESSION_TOKEN_EXPIRED:
		w.say("refused: %s", describe(err))
		return true
	case status.Code(err) == codes.Unavailable && reason == typev1.Reason_REASON_UNSPECIFIED:
		w.say("the notes service isn't there: run go run ./examples/notes serve")
	default:
		w.say("refused: %s", describe(err))
	}
	return false
}

// say prints one line with the time in milliseconds, so that it can be held against an operator's.
func (w *watcher) say(format string, args ...any) {
	fmt.Fprintf(w.out, "%s  %s\n", w.now().Format("15:04:05.000"), fmt.Sprintf(format, args...))
}

// left is how long the session token still lives.
func (w *watcher) left(tokens doorward.Tokens) time.Duration {
	return max(0, tokens.SessionTokenExpiresAt.Sub(w.now())).Round(time.Second)
}

// describe is a failed call in a few words: code, reason, what to do.
func describe(err error) string {
	state := status.Convert(err)
	words := state.Code().String()
	if reason, ok := doorward.ReasonOf(err); ok {
		words += " " + name(reason)
	}
	return words + " (" + state.Message() + ")"
}
