package verify

import (
	"context"
	"sync"
)

// watchers knows the open streams by session, so that a revocation can end them. It is bounded: an application with more
// streams than that refuses further ones rather than lose sight of any.
type watchers struct {
	limit int

	mu   sync.Mutex
	open int
	byID map[string]map[*watcher]struct{}
}

// watcher is one open stream.
type watcher struct {
	keyID string // of the key that signed the token it was opened with
	end   context.CancelCauseFunc
}

func newWatchers(limit int) *watchers {
	return &watchers{limit: limit, byID: map[string]map[*watcher]struct{}{}}
}

// add registers a stream's way to be ended. The returned function forgets it.
func (w *watchers) add(session *Session, end context.CancelCauseFunc) (forget func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open >= w.limit {
		return nil, false
	}
	sessionID, one := session.SessionID, &watcher{keyID: session.keyID, end: end}
	if w.byID[sessionID] == nil {
		w.byID[sessionID] = map[*watcher]struct{}{}
	}
	w.byID[sessionID][one] = struct{}{}
	w.open++
	return func() { w.forget(sessionID, one) }, true
}

func (w *watchers) forget(sessionID string, one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.byID[sessionID], one)
	if len(w.byID[sessionID]) == 0 {
		delete(w.byID, sessionID)
	}
	w.open--
}

// endSession ends the session's streams. They forget themselves as they go.
func (w *watchers) endSession(sessionID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.byID[sessionID] {
		one.end(ErrSessionEnded)
	}
}

// endKey ends the streams that were opened with a token of the key's, so that their clients come back with another one. It looks at all
// streams, which a revoked key is rare enough for.
func (w *watchers) endKey(keyID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, streams := range w.byID {
		for one := range streams {
			if one.keyID == keyID {
				one.end(ErrTokenExpired)
			}
		}
	}
}

func (w *watchers) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open
}
