package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// flight is one published event whose acknowledgement isn't in yet.
type flight struct {
	row     Row
	stream  string
	at      Place
	receipt Receipt
	beat    bool // a heartbeat: it isn't in the queue
}

type landing struct {
	flight
	stored Stored
	err    error
}

// room says whether another event may be in flight.
func (l *loop) room() bool { return l.inFlight < window }

// publishAll publishes every row that may go: its key has nothing in flight, nothing before it waits, and the window has room.
func (l *loop) publishAll() {
	blocked := make(map[string]struct{}) // keys with a row that stays behind in this pass
	rest := l.rows[:0]
	for _, row := range l.rows {
		if l.mayGo(row, blocked) {
			sent, err := l.publish(row, false)
			if sent {
				continue
			}
			if err != nil {
				l.holdBack(row, err)
			}
		}
		if row.Key != "" {
			blocked[row.Key] = struct{}{}
		}
		rest = append(rest, row)
	}
	l.rows = rest
}

func (l *loop) mayGo(row Row, blocked map[string]struct{}) bool {
	if l.unsure || !l.room() {
		return false
	}
	if row.Key != "" {
		_, behind := blocked[row.Key]
		_, busy := l.busy[row.Key]
		if behind || busy {
			return false
		}
	}
	h, ok := l.held[row.ID]
	return !ok || !l.cfg.Now().Before(h.until)
}

// publish sends one row and says whether it is in flight. Neither sent nor an error means: not its turn.
func (l *loop) publish(row Row, beat bool) (sent bool, err error) {
	name, err := l.cfg.Publisher.Route(row.Subject)
	if err != nil {
		return false, err
	}
	s := l.streams[name]
	if s == nil {
		return false, fmt.Errorf("outbox: this service doesn't write to stream %s", name)
	}
	if s.careful && s.inFlight > 0 {
		return false, nil
	}
	receipt, err := l.cfg.Publisher.Publish(row, s.place)
	if err != nil {
		l.unsure = true
		return false, err
	}
	f := flight{row: row, stream: name, at: s.place, receipt: receipt, beat: beat}
	s.place.Last++
	s.inFlight++
	l.inFlight++
	if !beat {
		l.taken[row.ID] = struct{}{}
	}
	if row.Key != "" {
		l.busy[row.Key] = struct{}{}
	}
	l.flights <- f // never blocks: it holds a whole window
	return true, nil
}

// collect waits for the receipts in the order of publishing. It ends when flights is closed.
func (l *loop) collect(ctx context.Context) {
	for f := range l.flights {
		wait, cancel := context.WithTimeout(ctx, callTimeout)
		stored, err := f.receipt(wait)
		cancel()
		l.landed <- landing{flight: f, stored: stored, err: err}
	}
}

// land takes in one acknowledgement or refusal.
func (l *loop) land(x landing) {
	s := l.streams[x.stream]
	l.inFlight--
	s.inFlight--
	delete(l.busy, x.row.Key)
	if x.err != nil {
		l.refused(x)
		return
	}
	delete(l.held, x.row.ID)
	l.metrics.published.WithLabelValues(x.stream).Inc()
	l.reached(s, x)
	if x.beat {
		l.beaten.Store(x.row.Time.UnixNano())
		return
	}
	l.acks = append(l.acks, Ack{
		ID: x.row.ID, Stream: x.stream, StreamCreated: x.at.Created, Sequence: x.stored.Sequence, At: l.cfg.Now(),
	})
}

// reached brings the relay's idea of the stream in line with an acknowledgement.
func (l *loop) reached(s *stream, x landing) {
	switch {
	case x.stored.Duplicate && s.careful:
		s.place.Last-- // it took no new place, and nothing else is in flight
	case x.stored.Duplicate, x.stored.Sequence != x.at.Last+1:
		l.unsure = true
	default:
		s.careful = false
	}
}

// refused makes the row wait its turn again. What followed it in the stream was refused with it, so the place is unsure.
func (l *loop) refused(x landing) {
	delete(l.taken, x.row.ID)
	l.unsure, l.dirty = true, true
	switch {
	case errors.Is(x.err, ErrMoved):
		l.metrics.errors.WithLabelValues(stepMoved).Inc()
	case x.beat:
		l.beatFailed(x.err)
	default:
		l.holdBack(x.row, x.err)
	}
}

// holdBack counts and logs a row's own failure and sets when it is tried again.
func (l *loop) holdBack(row Row, err error) {
	l.metrics.errors.WithLabelValues(stepPublish).Inc()
	h := l.held[row.ID]
	h.until = l.cfg.Now().Add(backoff(h.fails))
	h.fails++
	l.held[row.ID] = h
	l.log.LogAttrs(context.Background(), slog.LevelWarn, "outbox: an event wasn't published",
		slog.String("event_id", row.ID), slog.String("type", row.Type), slog.Int("failures", h.fails), slog.Any("error", err))
}
