package outbox

import (
	"context"
	"log/slog"
	"time"
)

// mark waits until the rows that were pending at one moment are published and the store knows.
//
// Waiting for a moment's rows, and not for an empty queue, is what keeps the heartbeat alive under steady load: whoever can cause
// events can't silence it.
type mark struct {
	at      time.Time     // taken before the queue was read
	beat    bool          // publish a heartbeat
	done    chan struct{} // or close this
	awaited map[string]struct{}
	ready   bool // awaited is filled
}

// addMark sets a mark; the next complete reading of the queue fills it.
func (l *loop) addMark(m *mark) {
	m.at = l.cfg.Now()
	l.marks = append(l.marks, m)
	l.dirty = true
}

// beat asks for a heartbeat, unless the last is still waiting.
func (l *loop) beat() {
	if l.cfg.Heartbeat == nil {
		return
	}
	for _, m := range l.marks {
		if m.beat {
			l.dirty = l.dirty || !m.ready
			return
		}
	}
	l.addMark(&mark{beat: true})
}

// snapshotMarks fills the marks that were set before this reading. A reading that stopped at its limit doesn't know everything.
func (l *loop) snapshotMarks() {
	if !l.complete {
		return
	}
	for _, m := range l.marks {
		if m.ready {
			continue
		}
		m.ready, m.awaited = true, make(map[string]struct{}, len(l.rows)+len(l.taken))
		for _, row := range l.rows {
			m.awaited[row.ID] = struct{}{}
		}
		for id := range l.taken {
			m.awaited[id] = struct{}{}
		}
	}
}

// reopenMarks makes every mark read the queue again: a stream has lost events that no mark was waiting for.
func (l *loop) reopenMarks() {
	for _, m := range l.marks {
		m.ready = false
	}
}

// keptMarks takes an event whose acknowledgement is stored off every mark.
func (l *loop) keptMarks(id string) {
	for _, m := range l.marks {
		delete(m.awaited, id)
	}
}

// settleMarks answers the marks that wait for nothing more.
func (l *loop) settleMarks() {
	rest := l.marks[:0]
	for _, m := range l.marks {
		switch {
		case !m.ready || len(m.awaited) > 0 || l.unsure || !l.room():
			rest = append(rest, m)
		case !m.beat:
			close(m.done)
		default:
			// A heartbeat that fails is dropped: the next second has its own.
			if sent, err := l.publish(l.cfg.Heartbeat(m.at), true); err != nil {
				l.beatFailed(err)
			} else if !sent {
				rest = append(rest, m)
			}
		}
	}
	clear(l.marks[len(rest):])
	l.marks = rest
}

func (l *loop) beatFailed(err error) {
	l.metrics.errors.WithLabelValues(stepPublish).Inc()
	l.log.LogAttrs(context.Background(), slog.LevelWarn, "outbox: the heartbeat wasn't published", slog.Any("error", err))
}
