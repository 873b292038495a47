package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/doorward/doorward/internal/telemetry"
)

// A dead letter is the event as it was, headers and body, on a subject of its own:
//
//	doorward.dead.<identity>.<stream>.<event id>
//
// with headers that say where it comes from and why. Because the subject keeps one message, writing the letter twice leaves one,
// and settling it is publishing a marker in its place, which needs no right to delete and expires after markerTTL.
const (
	deadPrefix = "doorward.dead."

	deadSubject    = "Doorward-Dead-Subject"
	deadStream     = "Doorward-Dead-Stream"
	deadSequence   = "Doorward-Dead-Sequence"
	deadDeliveries = "Doorward-Dead-Deliveries"
	deadReason     = "Doorward-Dead-Reason"
	deadSettled    = "Doorward-Dead-Settled"
	// deadHeaders is how all of them begin, in lower case.
	deadHeaders = "doorward-dead-"

	markerTTL = time.Hour
	maxReason = 512
	// MaxLetters bounds one page.
	MaxLetters = 500
)

// ErrNoLetter says that there is no such dead letter, or that it has been settled.
var ErrNoLetter = errors.New("bus: no such dead letter")

// ErrLetterChanged says that a letter was settled or written anew while it was being settled.
var ErrLetterChanged = errors.New("bus: the dead letter changed meanwhile; list again")

// Letter is a dead letter.
type Letter struct {
	// ID names it: <identity>.<stream>.<event id>.
	ID string
	// Owner is the identity that couldn't handle it and alone can replay it.
	Owner Name
	// Reason is the last error.
	Reason string
	// At is when it was written.
	At time.Time
	// Stream, Sequence and Subject are where the event was.
	Stream   string
	Sequence uint64
	Subject  string
	// Deliveries is how often it was tried.
	Deliveries uint64

	// place is the letter's own sequence: it orders pages and tells a letter from a later one of the same name.
	place   uint64
	headers nats.Header
	data    []byte
}

// Cursor is where the page after this letter begins.
func (l Letter) Cursor() uint64 { return l.place }

// Event decodes what the letter holds. A message that never was an event gives ErrInvalidEvent: it can only be dropped.
func (l Letter) Event() (Event, error) {
	e, err := decode(l.Subject, l.headers, l.data)
	e.Stream, e.Sequence, e.Delivery = l.Stream, l.Sequence, l.Deliveries
	return e, err
}

// bury writes the dead letter and waits until the server has it.
func (k *consumer) bury(ctx context.Context, msg jetstream.Msg, e Event, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := k.conn.js.PublishMsg(ctx, k.letter(msg, e, cause), jetstream.WithExpectStream(StreamDead)); err != nil {
		return fmt.Errorf("bus: write dead letter: %w", err)
	}
	return nil
}

// letter makes the dead letter of a message.
func (k *consumer) letter(msg jetstream.Msg, e Event, cause error) *nats.Msg {
	h := maps.Clone(msg.Headers())
	if h == nil {
		h = nats.Header{}
	}
	for name := range h {
		// The server's own headers belong to the message as it was published, not to the letter. A letter's headers are ours to write: with
		// one that came along, a letter could pass for a settled one.
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "nats-") || strings.HasPrefix(lower, deadHeaders) {
			delete(h, name)
		}
	}
	h.Set(deadSubject, msg.Subject())
	h.Set(deadStream, k.Stream)
	h.Set(deadSequence, strconv.FormatUint(e.Sequence, 10))
	h.Set(deadDeliveries, strconv.FormatUint(e.Delivery, 10))
	h.Set(deadReason, reason(cause))
	return &nats.Msg{Subject: deadPrefix + string(k.conn.name) + "." + k.Stream + "." + letterName(e), Header: h, Data: msg.Data()}
}

// letterName is the event's id, or its place where there is no id that fits into a subject.
func letterName(e Event) string {
	if token(e.ID) {
		return e.ID
	}
	return fmt.Sprintf("at-%d-%d", e.Stored.UnixNano(), e.Sequence)
}

// token says whether s is one harmless token of a subject.
func token(s string) bool {
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// reason is the error's text made fit for a header, and for a proto's string: cut between two characters.
func reason(err error) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, err.Error())
	return strings.ToValidUTF8(text[:min(len(text), maxReason)], "")
}

// Dead is the dead letters of one identity; for the operator, of all.
type Dead struct {
	conn *Conn
}

// NewDead returns the dead letters that the connection's identity may see.
func NewDead(c *Conn) *Dead { return &Dead{conn: c} }

func (d *Dead) branch() string {
	if grants(d.conn.name).Administers {
		return deadPrefix + ">"
	}
	return deadPrefix + string(d.conn.name) + ".>"
}

// List returns up to limit letters that come after the cursor, oldest first; 0 begins at the beginning.
func (d *Dead) List(ctx context.Context, after uint64, limit int) ([]Letter, error) {
	if limit <= 0 || limit > MaxLetters {
		limit = MaxLetters
	}
	var out []Letter
	for len(out) < limit {
		page, last, err := d.read(ctx, d.branch(), after, limit)
		if err != nil {
			return nil, err
		}
		for _, l := range page {
			if len(out) < limit {
				out = append(out, l)
			}
		}
		if last <= after {
			break // the end: nothing came, not even a marker
		}
		after = last
	}
	return out, nil
}

// read returns the letters among the next limit messages, and the sequence of the last message.
func (d *Dead) read(ctx context.Context, subject string, after uint64, limit int) ([]Letter, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reader, err := d.reader(ctx, jetstream.ConsumerConfig{
		FilterSubject: subject, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1,
	})
	if err != nil {
		return nil, 0, err
	}
	defer forgetConsumer(ctx, d.conn, StreamDead, reader.CachedInfo().Name)
	batch, err := reader.FetchNoWait(limit)
	if err != nil {
		return nil, 0, fmt.Errorf("bus: read dead letters: %w", err)
	}
	var out []Letter
	last := after
	for msg := range batch.Messages() {
		l, err := letter(msg)
		if err != nil {
			return nil, 0, err
		}
		last = l.place
		if l.headers.Get(deadSettled) == "" {
			out = append(out, l)
		}
	}
	if err := batch.Error(); err != nil {
		return nil, 0, fmt.Errorf("bus: read dead letters: %w", err)
	}
	return out, last, nil
}

// reader makes a consumer that ends soon after its reader.
func (d *Dead) reader(ctx context.Context, cfg jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	// The name has to be sent, so that the filter is part of the request's subject, where grants see it.
	cfg.Name, cfg.AckPolicy, cfg.InactiveThreshold, cfg.MemoryStorage = readerName(d.conn.name), jetstream.AckNonePolicy, time.Minute, true
	reader, err := d.conn.js.CreateConsumer(ctx, StreamDead, cfg)
	if err != nil {
		return nil, fmt.Errorf("bus: read dead letters: %w", err)
	}
	return reader, nil
}

// count is how many letters of a stream wait for somebody, up to MaxLetters. It reads no bodies.
func (d *Dead) count(ctx context.Context, stream string) (int, error) {
	reader, err := d.reader(ctx, jetstream.ConsumerConfig{
		FilterSubject: deadPrefix + string(d.conn.name) + "." + stream + ".>", DeliverPolicy: jetstream.DeliverAllPolicy, HeadersOnly: true,
	})
	if err != nil {
		return 0, err
	}
	defer forgetConsumer(ctx, d.conn, StreamDead, reader.CachedInfo().Name)
	if reader.CachedInfo().NumPending == 0 {
		return 0, nil
	}
	batch, err := reader.FetchNoWait(MaxLetters)
	if err != nil {
		return 0, fmt.Errorf("bus: count dead letters: %w", err)
	}
	n := 0
	for msg := range batch.Messages() {
		if msg.Headers().Get(deadSettled) == "" {
			n++
		}
	}
	if err := batch.Error(); err != nil {
		return 0, fmt.Errorf("bus: count dead letters: %w", err)
	}
	return n, nil
}

func letter(msg jetstream.Msg) (Letter, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return Letter{}, fmt.Errorf("bus: read dead letters: %w", err)
	}
	h := msg.Headers()
	id := strings.TrimPrefix(msg.Subject(), deadPrefix)
	owner, _, _ := strings.Cut(id, ".")
	l := Letter{
		ID: id, Owner: Name(owner), Reason: h.Get(deadReason), At: meta.Timestamp,
		Stream: h.Get(deadStream), Subject: h.Get(deadSubject), place: meta.Sequence.Stream, headers: h, data: msg.Data(),
	}
	// Numbers that don't parse stay 0: a letter is shown whatever is in it.
	l.Sequence, _ = strconv.ParseUint(h.Get(deadSequence), 10, 64)
	l.Deliveries, _ = strconv.ParseUint(h.Get(deadDeliveries), 10, 64)
	return l, nil
}

// Get returns one letter, or ErrNoLetter.
func (d *Dead) Get(ctx context.Context, id string) (Letter, error) {
	for part := range strings.SplitSeq(id, ".") {
		if !token(part) {
			return Letter{}, ErrNoLetter
		}
	}
	if !grants(d.conn.name).Administers && !strings.HasPrefix(id, string(d.conn.name)+".") {
		return Letter{}, ErrNoLetter
	}
	found, _, err := d.read(ctx, deadPrefix+id, 0, 1)
	if err != nil {
		return Letter{}, err
	}
	if len(found) == 0 {
		return Letter{}, ErrNoLetter
	}
	return found[0], nil
}

// Replay hands the letter's event to the handler that couldn't handle it, in the service that owns it, and settles the letter when
// it succeeds. On an error the letter stays. The handler is idempotent by event id, so replaying twice is harmless.
func (d *Dead) Replay(ctx context.Context, id string, handle Handler) error {
	l, err := d.Get(ctx, id)
	if err != nil {
		return err
	}
	e, err := l.Event()
	if err != nil {
		return fmt.Errorf("%w; it can only be dropped", err)
	}
	if err := guarded(telemetry.WithEventID(ctx, e.ID), 30*time.Second, e, handle); err != nil {
		return fmt.Errorf("bus: replay dead letter %s: %w", id, err)
	}
	return d.settle(ctx, l, "replayed")
}

// Drop settles the letter without handling it.
func (d *Dead) Drop(ctx context.Context, id string) error {
	l, err := d.Get(ctx, id)
	if err != nil {
		return err
	}
	return d.settle(ctx, l, "dropped")
}

func (d *Dead) settle(ctx context.Context, l Letter, how string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	marker := &nats.Msg{Subject: deadPrefix + l.ID, Header: nats.Header{deadSettled: {how}}}
	_, err := d.conn.js.PublishMsg(ctx, marker,
		jetstream.WithExpectStream(StreamDead), jetstream.WithExpectLastSequencePerSubject(l.place), jetstream.WithMsgTTL(markerTTL))
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return ErrLetterChanged
	}
	if err != nil {
		return fmt.Errorf("bus: settle dead letter %s: %w", l.ID, err)
	}
	return nil
}
