package load

import (
	"context"
	"sync"
	"time"
)

// Bounds of one operation.
const (
	callTimeout = 3 * time.Second
	// patience is how long a call that changes nothing twice is repeated, and how long a code is waited for.
	patience = 20 * time.Second
	// longest is for an operation as a whole, with all its calls.
	longest = 90 * time.Second
	// tick is how often operations are begun.
	tick = 20 * time.Millisecond
)

// Run makes the load until ctx ends, and returns when all that began has ended. It owns the workers' goroutines and the postbox's.
func (g *Generator) Run(ctx context.Context) {
	var reading, working sync.WaitGroup
	postal, stop := context.WithCancel(context.WithoutCancel(ctx))
	reading.Go(func() { g.postbox.run(postal) })
	free := make(chan struct{}, g.cfg.Workers)
	pace := newPace(g.cfg.Rates, g.random)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case now := <-ticker.C:
			for _, kind := range pace.due(now) {
				g.begin(ctx, &working, free, kind)
			}
		}
	}
	working.Wait()
	stop()
	reading.Wait()
}

// begin gives the operation to a worker, if one is free.
func (g *Generator) begin(ctx context.Context, working *sync.WaitGroup, free chan struct{}, kind Kind) {
	select {
	case free <- struct{}{}:
	default:
		g.Ledger.count(kind, NotBegun)
		return
	}
	working.Go(func() {
		defer func() { <-free }()
		// What has begun is brought to its end: what it leaves behind has to be known.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
		defer cancel()
		g.do(ctx, kind)
	})
}

func (g *Generator) do(ctx context.Context, kind Kind) {
	switch kind {
	case SignUp:
		g.signUp(ctx)
	case SignIn:
		g.with(kind, (*person).known, func(p *person) { g.signIn(ctx, p) })
	case NewDevice:
		g.with(kind, g.mayBeMailed, func(p *person) { g.newDevice(ctx, p) })
	case Refresh:
		g.with(kind, (*person).signedIn, func(p *person) { g.refresh(ctx, p) })
	case Revoke:
		g.with(kind, (*person).signedIn, func(p *person) { g.revoke(ctx, p) })
	case Verify:
		g.with(kind, (*person).signedIn, func(p *person) { g.verify(ctx, p) })
	}
}

// with finds a person who isn't busy and is good for the operation.
func (g *Generator) with(kind Kind, good func(*person) bool, do func(*person)) {
	p, ok := g.people.take(good)
	if !ok {
		g.Ledger.count(kind, NotBegun)
		return
	}
	defer g.people.release(p)
	do(p)
}
