package verify

import "context"

// flight is a fetch of the keys under way, shared by all who wait for it.
type flight struct {
	landed chan struct{}
	err    error
	// paced says that an unknown key id caused it, or waits for it: the next such one waits out refetchPause.
	paced bool
}

// urgency is whether a fetch may have to wait.
type urgency int

const (
	patiently urgency = iota // unknown key ids may be made up: they wait out refetchPause
	atOnce
)

// refetch asks authn for the keys and waits for the answer. One that was asked for before a key was revoked is asked for again: it may be from
// before that too.
func (k *keyring) refetch(ctx context.Context, how urgency) error {
	for {
		flight, err := k.board(ctx, how)
		if flight == nil {
			return err
		}
		select {
		case <-flight.landed:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !k.isOwed() {
			return flight.err
		}
	}
}

// board joins the flight under way, or starts one. Without one the answer is how the last flight fared, which landed less than refetchPause ago.
func (k *keyring) board(ctx context.Context, how urgency) (*flight, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.flight == nil {
		if how == patiently && !k.owed && k.now().Sub(k.attempted) < refetchPause {
			return nil, k.lastErr
		}
		k.takeOff(context.WithoutCancel(ctx)) // others wait for it too
	}
	k.flight.paced = k.flight.paced || how == patiently
	return k.flight, nil
}

// takeOff starts a fetch. Its goroutine ends by fetchTimeout. The caller holds the lock.
func (k *keyring) takeOff(ctx context.Context) {
	flight := &flight{landed: make(chan struct{})}
	k.flight, k.owed = flight, false
	go func() {
		ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
		defer cancel()
		flight.err = k.fetch(ctx)
		k.mu.Lock()
		k.flight = nil
		if flight.paced {
			k.attempted, k.lastErr = k.now(), flight.err
		}
		k.mu.Unlock()
		close(flight.landed)
	}()
}

func (k *keyring) isOwed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.owed
}
