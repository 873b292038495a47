package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

	"github.com/doorward/doorward/internal/telemetry"
)

// Handler handles one event. It is called again for the same event after a crash or a lost acknowledgement, and must know the event
// by its id. Its context ends before the server would deliver again.
type Handler func(ctx context.Context, e Event) error

// ConsumeConfig says what is read and how failures are treated.
type ConsumeConfig struct {
	Stream string
	// Subjects narrow what is read; none = all of the stream.
	Subjects []string
	// AckWait is how long a handler may take before the event is delivered again; default 30 s. The handler's context has four
	// fifths of it.
	AckWait time.Duration
	// Backoff are the pauses after the first, second, … failure; the last repeats. Default 1 s, 5 s, 30 s, 2 min, 10 min.
	Backoff []time.Duration
	// MaxDeliver is how often an event is tried before it ends as a dead letter; default 10.
	MaxDeliver int
	// MaxInFlight is how many are handled at once; default 8. With 1 they are handled in order, and one that fails holds up the rest.
	MaxInFlight int
	Handle      Handler
	Logger      *slog.Logger
	Metrics     *Metrics
	// Tracing begins a span for each delivery, beneath the change that wrote the event; the zero value begins none.
	Tracing telemetry.Tracing
}

// permanent marks an error that no repetition heals.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks a handler's error as final: the event becomes a dead letter at once. Its text is kept with the letter, so it holds
// no secret.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// IsPermanent says whether a handler's error is final.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}

// errPanic replaces a panic's value, which could hold anything.
var errPanic = errors.New("bus: the handler panicked")

// Consume reads the stream with the identity's durable, which its replicas share, until ctx ends, and returns nil then, when the handlers at work have ended. Everything
// that fails meanwhile is logged and tried again. It owns its workers.
func Consume(ctx context.Context, c *Conn, cfg ConsumeConfig) error {
	if cfg.Stream == "" || cfg.Handle == nil || cfg.Logger == nil || cfg.Metrics == nil {
		return errors.New("bus: consuming needs a stream, a handler, a logger and metrics")
	}
	cfg.defaults()
	k := &consumer{ConsumeConfig: cfg, conn: c, log: cfg.Logger.With(slog.String("stream", cfg.Stream))}
	cfg.Metrics.begin(cfg.Stream, outcomeDone, outcomeRetry, outcomeDead, outcomeStuck, outcomeForeign)
	return repeat(ctx, k.log, cfg.Metrics, cfg.Stream, k.session)
}

func (c *ConsumeConfig) defaults() {
	if c.AckWait <= 0 {
		c.AckWait = 30 * time.Second
	}
	if len(c.Backoff) == 0 {
		c.Backoff = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}
	}
	if c.MaxDeliver <= 0 {
		c.MaxDeliver = 10
	}
	if c.MaxInFlight <= 0 {
		c.MaxInFlight = 8
	}
}

// repeat runs sessions until ctx ends or one fails for good, with growing pauses between failures.
func repeat(ctx context.Context, log *slog.Logger, m *Metrics, stream string, session func(context.Context) error) error {
	pause := firstPause
	for {
		began := time.Now()
		err := session(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // told to stop
		}
		if errors.Is(err, ErrGap) {
			return err
		}
		m.restarts.WithLabelValues(stream).Inc()
		level := slog.LevelWarn
		if errors.Is(err, ErrStreams) {
			level = slog.LevelError // it doesn't heal by itself
		}
		log.LogAttrs(ctx, level, "bus: reading starts anew", slog.Any("error", err))
		if time.Since(began) > longestPause {
			pause = firstPause
		}
		if !wait(ctx, pause) {
			return nil
		}
		pause = min(2*pause, longestPause)
	}
}

// wait says whether the pause has passed; false when ctx ended first.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

type consumer struct {
	ConsumeConfig
	conn *Conn
	log  *slog.Logger

	intruders intruders
}

// A work queue takes one durable; these are the server's codes for a second, without and with a filter. The client has no names for them.
const (
	codeSecondUnfiltered jetstream.ErrorCode = 10099
	codeSecondFiltered   jetstream.ErrorCode = 10100
)

// isHeldByAnother says whether a work queue has a durable under another name, as it does after a service was given another seed.
func isHeldByAnother(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == codeSecondUnfiltered || api.ErrorCode == codeSecondFiltered)
}

// session makes sure the durable is there and lets the workers read from it. It returns when all have ended.
func (k *consumer) session(ctx context.Context) error {
	durable, err := k.conn.js.CreateOrUpdateConsumer(ctx, k.Stream, k.config())
	if isHeldByAnother(err) {
		return fmt.Errorf("%w: nothing of %s is handled: a durable of an older seed of %s holds it; find it with: nats consumer ls %s, and remove it with: nats consumer rm: %w",
			ErrStreams, k.Stream, k.conn.name, k.Stream, err)
	}
	if err != nil {
		return fmt.Errorf("bus: make the consumer of %s on %s: %w", k.conn.name, k.Stream, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	for range k.MaxInFlight {
		workers.Go(func() { cancel(k.work(ctx, durable)) })
	}
	workers.Go(func() { k.measure(ctx, durable) })
	workers.Wait()
	return context.Cause(ctx)
}

func (k *consumer) config() jetstream.ConsumerConfig {
	cfg := jetstream.ConsumerConfig{
		Durable:   k.conn.durable,
		AckPolicy: jetstream.AckExplicitPolicy,
		AckWait:   k.AckWait,
		// Unlimited here: the server would silently stop delivering. We count ourselves and write a dead letter.
		MaxDeliver:    -1,
		MaxAckPending: 1000, // those that wait for their next try included
	}
	if k.MaxInFlight == 1 {
		cfg.MaxAckPending = 1
	}
	filter(&cfg, k.Subjects)
	return cfg
}

// filter sets one subject in the field that grants can see: it becomes part of the request's subject.
func filter(cfg *jetstream.ConsumerConfig, subjects []string) {
	if len(subjects) == 1 {
		cfg.FilterSubject = subjects[0]
	} else {
		cfg.FilterSubjects = subjects
	}
}

// work asks for one event at a time, so that none waits in this process while its time to be acknowledged runs out.
func (k *consumer) work(ctx context.Context, durable jetstream.Consumer) error {
	events, err := durable.Messages(jetstream.PullMaxMessages(1), jetstream.PullExpiry(30*time.Second), jetstream.PullHeartbeat(5*time.Second))
	if err != nil {
		return fmt.Errorf("bus: read %s: %w", k.Stream, err)
	}
	defer events.Stop()
	for {
		msg, err := events.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("bus: read %s: %w", k.Stream, err)
		}
		// What has begun is finished, also when we are told to stop; it has a deadline of its own.
		k.take(context.WithoutCancel(ctx), msg)
	}
}

// take handles one delivery and answers the server: done, again later, or dead.
func (k *consumer) take(ctx context.Context, msg jetstream.Msg) {
	e, err := received(msg)
	if err != nil && isForeign(k.Stream, msg.Headers()) {
		k.Metrics.delivered(k.Stream, outcomeForeign)
		k.intruders.add(ctx, k.log, msg.Subject())
		_ = msg.Ack() // when it is lost, the message comes again
		return
	}
	ctx, _ = handling(ctx, k.Tracing, k.Stream, e)
	tries := max(1, int(e.Delivery))
	switch {
	case err != nil:
		err = Permanent(err)
	case tries > k.MaxDeliver:
		err = Permanent(errors.New("every handler that took it ended without an answer"))
	default:
		err = k.handle(ctx, e)
	}
	if err == nil {
		k.answer(ctx, outcomeDone, e, nil, msg.Ack())
		return
	}
	if !IsPermanent(err) && tries < k.MaxDeliver {
		pause := k.Backoff[min(tries, len(k.Backoff))-1]
		k.answer(ctx, outcomeRetry, e, err, msg.NakWithDelay(pause))
		return
	}
	if buried := k.bury(ctx, msg, e, err); buried != nil {
		// Better delivered for ever than lost.
		k.answer(ctx, outcomeStuck, e, buried, msg.NakWithDelay(k.Backoff[len(k.Backoff)-1]))
		return
	}
	k.answer(ctx, outcomeDead, e, err, msg.TermWithReason("dead letter"))
}

// answer counts and logs how a delivery ended, and ends its span; sent is the error of telling the server, which costs a repetition at most.
func (k *consumer) answer(ctx context.Context, outcome string, e Event, err, sent error) {
	k.Metrics.delivered(k.Stream, outcome)
	defer settled(trace.SpanFromContext(ctx), outcome, err)
	if err == nil && sent == nil {
		return
	}
	k.log.LogAttrs(ctx, slog.LevelWarn, "bus: event wasn't settled at the first try", slog.String("outcome", outcome),
		slog.String("type", e.Type), slog.Uint64("delivery", e.Delivery),
		slog.Any("error", errors.Join(err, sent)))
}

// handle calls the handler with its deadline and turns a panic into an error.
func (k *consumer) handle(ctx context.Context, e Event) error {
	return guarded(ctx, k.AckWait*4/5, e, k.Handle)
}

func guarded(ctx context.Context, limit time.Duration, e Event, handle Handler) (err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	return handle(ctx, e)
}

// received reads an event and where it was found. On an error what is known of the event is returned with it.
func received(msg jetstream.Msg) (Event, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrInvalidEvent, err)
	}
	e, err := decode(msg.Subject(), msg.Headers(), msg.Data())
	e.Stream, e.Sequence, e.Stored, e.Delivery = meta.Stream, meta.Sequence.Stream, meta.Timestamp, meta.NumDelivered
	return e, err
}
