package flow

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/store"
)

// maxProfiles bounds the histories held in memory: 50 MB if all of them were full.
const maxProfiles = 4096

// profiles reads the histories of users through a cache, because decoding a long one takes as long as the rest of an assessment. Those
// asked for least lately give way. It holds what the store holds: whoever changes a history there says so with changed.
type profiles struct {
	store store.Store
	limit int

	mu      sync.Mutex
	held    map[string]*list.Element // of *profile
	order   *list.List               // most lately asked for first
	changes uint64                   // how often changed was called
}

type profile struct {
	userID  string
	history history.History
}

func newProfiles(s store.Store) *profiles {
	return &profiles{store: s, limit: maxProfiles, held: map[string]*list.Element{}, order: list.New()}
}

// of returns a user's history; nobody's is empty.
func (p *profiles) of(ctx context.Context, userID string) (history.History, error) {
	if userID == "" {
		return history.History{}, nil
	}
	h, found, changes := p.look(userID)
	if found {
		return h, nil
	}
	err := p.store.View(ctx, func(tx store.Tx) (err error) {
		h, err = tx.Histories.Get(userID)
		return err
	})
	if err != nil {
		return history.History{}, fmt.Errorf("read a user's history: %w", err)
	}
	p.hold(userID, h, changes)
	return h, nil
}

func (p *profiles) look(userID string) (h history.History, found bool, changes uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, found := p.held[userID]
	if !found {
		return history.History{}, false, p.changes
	}
	p.order.MoveToFront(e)
	return e.Value.(*profile).history, true, p.changes
}

// hold keeps what was read, unless any history has changed since the reading began: it could be this one.
func (p *profiles) hold(userID string, h history.History, changes uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, found := p.held[userID]; found || p.changes != changes {
		return
	}
	if len(p.held) >= p.limit {
		p.drop(p.order.Back())
	}
	p.held[userID] = p.order.PushFront(&profile{userID: userID, history: h})
}

// changed forgets a user whose history was changed in the store. It is called after the commit.
func (p *profiles) changed(userID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes++
	if e, found := p.held[userID]; found {
		p.drop(e)
	}
}

// clear forgets everybody, after the store has.
func (p *profiles) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes++
	clear(p.held)
	p.order.Init()
}

func (p *profiles) drop(e *list.Element) {
	delete(p.held, e.Value.(*profile).userID)
	p.order.Remove(e)
}
