package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/doorward/doorward/internal/telemetry"
)

// ErrGap says that the stream no longer has what comes after a view's cursor: the view must not serve; it loads a snapshot, or
// empties itself and starts with the zero Cursor.
var ErrGap = errors.New("bus: the stream no longer holds what the view is missing")

// rewindBy is how far before the last applied event a view starts again after a mismatch; it covers clocks that differ.
const rewindBy = 15 * time.Minute

// Cursor is how far a view has come. The view stores it together with what it applied. The zero Cursor is an empty view.
type Cursor struct {
	// StreamCreated tells the stream from another of the same name.
	StreamCreated time.Time
	// Sequence of the last event applied, and its id: after a rollback the same sequence can hold another event.
	Sequence uint64
	EventID  string
	// Stored is when the stream stored it. What replaces a lost tail is stored later than what was lost.
	Stored time.Time
}

// FollowConfig says what a view reads.
type FollowConfig struct {
	Stream string
	// Subjects narrow what is read; none = all of the stream.
	Subjects []string
	// Load returns the view's cursor. It is called at each start of reading.
	Load func(ctx context.Context) (Cursor, error)
	// Handle applies the event and stores the cursor with it. Events come one at a time in the stream's order, and again after a
	// rewind: it is idempotent by the event's id. A Permanent error passes over the event; any other repeats it until it succeeds.
	Handle  func(ctx context.Context, e Event, c Cursor) error
	Logger  *slog.Logger
	Metrics *Metrics
	// Tracing begins a span for each event that comes once the view has caught up; the zero value begins none.
	Tracing telemetry.Tracing
}

// View follows one stream. Create it with NewView, run it with Run.
type View struct {
	FollowConfig
	conn  *Conn
	log   *slog.Logger
	ready chan struct{}

	intruders intruders
}

// NewView checks the configuration.
func NewView(c *Conn, cfg FollowConfig) (*View, error) {
	if cfg.Stream == "" || cfg.Load == nil || cfg.Handle == nil || cfg.Logger == nil || cfg.Metrics == nil {
		return nil, errors.New("bus: a view needs a stream, a cursor, a handler, a logger and metrics")
	}
	return &View{FollowConfig: cfg, conn: c, log: cfg.Logger.With(slog.String("stream", cfg.Stream)), ready: make(chan struct{})}, nil
}

// Ready is closed when the view has applied everything that was in the stream once. It stays closed while the bus is away: a view
// that is a little behind serves better than none.
func (v *View) Ready() <-chan struct{} { return v.ready }

// Run follows the stream until ctx ends, and returns nil then; or ErrGap. It may be called once.
func (v *View) Run(ctx context.Context) error {
	v.Metrics.begin(v.Stream, outcomeDone, outcomeRetry, outcomeSkip, outcomeForeign)
	v.Metrics.behind.WithLabelValues(v.Stream)
	return repeat(ctx, v.log, v.Metrics, v.Stream, v.session)
}

// session reads from the cursor until something happens after which the cursor has to be compared again.
func (v *View) session(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	reconnected, forget := v.conn.reconnected()
	defer forget()
	go func() { // ends with the session
		select {
		case <-reconnected:
			cancel(errReconnected)
		case <-ctx.Done():
		}
	}()
	cursor, err := v.Load(ctx)
	if err != nil {
		return fmt.Errorf("bus: load cursor of the view on %s: %w", v.Stream, err)
	}
	start, err := v.start(ctx, cursor)
	if err != nil {
		return err
	}
	err = v.read(ctx, start)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

var (
	errReconnected = errors.New("bus: connected again; the stream may have been rolled back")
	errMismatch    = errors.New("bus: the stream holds another event at the cursor; it lost its tail")
	errSkipped     = errors.New("bus: a delivery got lost between server and view")
)

// start is how one session begins.
type start struct {
	created time.Time
	config  jetstream.ConsumerConfig
	// verify is the cursor whose event comes first and has to be the same; its sequence is 0 when there is nothing to compare.
	verify Cursor
}

// start compares cursor and stream:
//
//	no cursor                         from the beginning
//	another stream, or beyond its end from a while before the last event applied (the outbox publishes the lost tail again)
//	before its beginning              ErrGap
//	otherwise                         from the cursor's own event, to see that it is still the same
func (v *View) start(ctx context.Context, c Cursor) (start, error) {
	stream, err := v.conn.js.Stream(ctx, v.Stream)
	if err != nil {
		return start{}, fmt.Errorf("bus: ask for stream %s: %w", v.Stream, err)
	}
	info := stream.CachedInfo()
	s := start{created: info.Created, config: jetstream.ConsumerConfig{
		Name: readerName(v.conn.name), AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: time.Minute, MemoryStorage: true,
		DeliverPolicy: jetstream.DeliverAllPolicy,
	}}
	filter(&s.config, v.Subjects)
	switch {
	case c.Sequence == 0:
	case !c.StreamCreated.Equal(info.Created), c.Sequence > info.State.LastSeq:
		s.rewind(c)
	case c.Sequence+1 < info.State.FirstSeq:
		return start{}, fmt.Errorf("%w: %s begins at %d, the view stopped at %d", ErrGap, v.Stream, info.State.FirstSeq, c.Sequence)
	case c.Sequence < info.State.FirstSeq:
		s.from(c.Sequence + 1)
	default:
		s.from(c.Sequence)
		s.verify = c
	}
	return s, nil
}

func (s *start) from(sequence uint64) {
	s.config.DeliverPolicy, s.config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, sequence
}

// rewind starts by time: whatever the lost tail's sequences hold now was stored after the last event applied.
func (s *start) rewind(c Cursor) {
	if c.Stored.IsZero() {
		return
	}
	at := c.Stored.Add(-rewindBy)
	s.config.DeliverPolicy, s.config.OptStartTime = jetstream.DeliverByStartTimePolicy, &at
}

// read delivers events until one is missing or the session ends. A mismatch at the first event starts it again further back.
func (v *View) read(ctx context.Context, s start) error {
	err := v.deliver(ctx, s)
	if !errors.Is(err, errMismatch) {
		return err
	}
	v.log.LogAttrs(ctx, slog.LevelWarn, "bus: the stream lost events that the view has applied; reading them again",
		slog.Uint64("cursor", s.verify.Sequence))
	again := start{created: s.created, config: s.config}
	again.config.Name, again.config.DeliverPolicy, again.config.OptStartSeq = readerName(v.conn.name), jetstream.DeliverAllPolicy, 0
	again.rewind(s.verify)
	return v.deliver(ctx, again)
}

func (v *View) deliver(ctx context.Context, s start) error {
	reader, err := v.conn.js.CreateConsumer(ctx, v.Stream, s.config)
	if err != nil {
		return fmt.Errorf("bus: follow %s: %w", v.Stream, err)
	}
	defer forgetConsumer(ctx, v.conn, v.Stream, s.config.Name)
	events, err := reader.Messages(jetstream.PullMaxMessages(500), jetstream.PullExpiry(30*time.Second), jetstream.PullHeartbeat(5*time.Second))
	if err != nil {
		return fmt.Errorf("bus: follow %s: %w", v.Stream, err)
	}
	defer events.Stop()
	if reader.CachedInfo().NumPending == 0 {
		if s.verify.Sequence > 0 {
			return errMismatch // the cursor's own event should have come
		}
		v.caughtUp()
	}
	for next := uint64(1); ; next++ {
		msg, err := events.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("bus: follow %s: %w", v.Stream, err)
		}
		if err := v.take(ctx, s, next, msg); err != nil {
			return err
		}
	}
}

// take checks that the delivery is the next one, and applies it. The first is compared with the cursor instead, where there is one.
func (v *View) take(ctx context.Context, s start, next uint64, msg jetstream.Msg) error {
	meta, err := msg.Metadata()
	if err != nil {
		return fmt.Errorf("bus: follow %s: %w", v.Stream, err)
	}
	if meta.Sequence.Consumer != next {
		return errSkipped
	}
	e, err := received(msg)
	switch {
	case next == 1 && s.verify.Sequence > 0:
		if e.Sequence != s.verify.Sequence || msg.Headers().Get(headerID) != s.verify.EventID {
			return errMismatch
		}
	case err != nil && isForeign(v.Stream, msg.Headers()):
		v.Metrics.delivered(v.Stream, outcomeForeign)
		v.intruders.add(ctx, v.log, msg.Subject())
	default:
		v.apply(ctx, s, e, err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	v.Metrics.behind.WithLabelValues(v.Stream).Set(float64(meta.NumPending))
	if meta.NumPending == 0 {
		v.caughtUp()
	}
	return nil
}

// apply applies an event, within a span if it is news: what is read to catch up happened long ago, and may be much.
func (v *View) apply(ctx context.Context, s start, e Event, invalid error) {
	var tracing telemetry.Tracing
	select {
	case <-v.ready:
		tracing = v.Tracing
	default:
	}
	ctx, span := handling(ctx, tracing, v.Stream, e)
	outcome, err := v.applyUntilDone(ctx, s, e, invalid)
	settled(span, outcome, err)
}

// applyUntilDone repeats until the event is applied, passed over, or the session ends.
func (v *View) applyUntilDone(ctx context.Context, s start, e Event, invalid error) (outcome string, err error) {
	cursor := Cursor{StreamCreated: s.created, Sequence: e.Sequence, EventID: e.ID, Stored: e.Stored}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err = Permanent(invalid)
		if invalid == nil {
			err = guarded(ctx, 30*time.Second, e, func(ctx context.Context, e Event) error { return v.Handle(ctx, e, cursor) })
		}
		outcome = outcomeDone
		switch {
		case IsPermanent(err):
			outcome = outcomeSkip
		case err != nil:
			outcome = outcomeRetry
		}
		v.Metrics.delivered(v.Stream, outcome)
		if err == nil || ctx.Err() != nil {
			return outcome, err
		}
		v.log.LogAttrs(ctx, slog.LevelWarn, "bus: the view didn't apply an event", slog.String("outcome", outcome),
			slog.String("type", e.Type), slog.Any("error", err))
		if outcome == outcomeSkip || !wait(ctx, pause) {
			return outcome, err
		}
	}
}

// caughtUp closes ready once; only the goroutine of Run calls it.
func (v *View) caughtUp() {
	select {
	case <-v.ready:
	default:
		close(v.ready)
	}
}

// readerName is a name nobody can guess, so that no reader can take another's messages.
func readerName(name Name) string { return string(name) + "-" + nuid.Next() }

// forgetConsumer removes a reader at once; what fails here ends by the reader's inactivity.
func forgetConsumer(ctx context.Context, c *Conn, stream, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if c.Connected() {
		_ = c.js.DeleteConsumer(ctx, stream, name)
	}
}
