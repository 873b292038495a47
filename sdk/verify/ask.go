package verify

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

const (
	askTimeout = time.Second
	// confirmedFor is how long authn's word on a session counts, and how long authn is left alone after it failed to
	// answer: while the feed is stale, a busy application would otherwise ask for every call.
	confirmedFor = time.Second
	// asksAtOnce bounds the questions under way.
	asksAtOnce = 32
)

// sessionSource is the part of authn that knows whether a session still is.
type sessionSource interface {
	VerifySession(ctx context.Context, in *authnv1.VerifySessionRequest, opts ...grpc.CallOption) (*authnv1.VerifySessionResponse, error)
}

// answer is what authn says of a session.
type answer int

const (
	unanswered answer = iota // deny or admit is Config.OnStale's
	alive
	ended
	expired
)

// asker asks authn about a session while the feed is stale, or where what it says of the session can't be believed.
type asker struct {
	source sessionSource
	now    func() time.Time
	began  time.Time
	logger *slog.Logger

	slots chan struct{}
	// quietUntil is until when authn is left alone, in nanoseconds since began.
	quietUntil atomic.Int64
	asked      atomic.Uint64
}

func newAsker(source sessionSource, now func() time.Time, logger *slog.Logger) *asker {
	return &asker{source: source, began: now(), now: now, logger: logger, slots: make(chan struct{}, asksAtOnce)}
}

func (a *asker) clock() int64 { return int64(a.now().Sub(a.began)) + 1 }

// ask returns what authn says of the session, which may be what it said up to a second ago.
func (a *asker) ask(ctx context.Context, token string, entry *checked) answer {
	if a.isConfirmed(entry) {
		return alive
	}
	entry.asking.Lock() // for askTimeout at most, as whoever holds it has a deadline
	defer entry.asking.Unlock()
	if a.isConfirmed(entry) {
		return alive
	}
	if a.clock() < a.quietUntil.Load() {
		return unanswered
	}

	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return unanswered
	}
	if a.clock() < a.quietUntil.Load() {
		return unanswered
	}
	return a.call(ctx, token, entry)
}

func (a *asker) isConfirmed(entry *checked) bool {
	confirmed := entry.confirmed.Load()
	return confirmed != 0 && a.clock()-confirmed < int64(confirmedFor)
}

func (a *asker) call(ctx context.Context, token string, entry *checked) answer {
	a.asked.Add(1)
	asked := a.clock() // the word is as old as the question
	reply, err := a.source.VerifySession(ctx, &authnv1.VerifySessionRequest{SessionToken: token})
	switch {
	case err == nil && reply.GetSessionId() == entry.session.SessionID:
		entry.confirmed.Store(asked)
		return alive
	case err == nil:
		return ended // an answer about another session is no word for this one
	}
	switch verdict := verdictOf(err); verdict {
	case ended, expired:
		return verdict
	default:
		a.leaveAlone(ctx, err)
		return unanswered
	}
}

// leaveAlone spares authn, and the calls that would wait for it, for a moment. A caller who gave up proves nothing.
func (a *asker) leaveAlone(ctx context.Context, err error) {
	if context.Cause(ctx) == context.Canceled { //nolint:errorlint // the sentinel itself: the caller's own cancellation
		return
	}
	a.quietUntil.Store(a.clock() + int64(confirmedFor))
	a.logger.LogAttrs(ctx, slog.LevelWarn, "the revocation feed doesn't tell whether a session stands, and authn doesn't answer",
		slog.String("code", status.Code(err).String()))
}

// verdictOf tells a refusal of the session from a failure to judge it. UNAUTHENTICATED alone isn't enough: it may also
// be about our own API key.
func verdictOf(err error) answer {
	state := status.Convert(err)
	if state.Code() != codes.Unauthenticated {
		return unanswered
	}
	for _, detail := range state.Details() {
		info, ok := detail.(*errdetails.ErrorInfo)
		if !ok || info.GetDomain() != "doorward" {
			continue
		}
		switch info.GetReason() {
		case "SESSION_ENDED", "SESSION_TOKEN_INVALID":
			return ended
		case "SESSION_TOKEN_EXPIRED":
			return expired
		}
	}
	return unanswered
}
