package credential

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/doorward/doorward/internal/secret"
)

func TestATicketIsGoodForOneHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, registry := testPool(t)
		ticket := begin(t, p, Stranger)
		var used, spent atomic.Int32
		var racers sync.WaitGroup
		for range 20 {
			racers.Go(func() {
				switch _, err := ticket.Verify(t.Context(), PHC{}, secret.Text{}); {
				case err == nil:
					used.Add(1)
				case errors.Is(err, ErrSpent):
					spent.Add(1)
				}
				ticket.Release() // as often as one likes
			})
		}
		racers.Wait()
		if used.Load() != 1 || spent.Load() != 19 {
			t.Errorf("used %d times, refused %d times; want 1 and 19", used.Load(), spent.Load())
		}
		if got := metric(t, registry, "doorward_authn_password_slots_taken", Stranger); got != 0 {
			t.Errorf("%d slots taken at the end", got)
		}
	})
}

func TestACallerWhoLeavesCostsNoHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, registry := testPool(t)
		ctx, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for i := range 3 {
			ticket := begin(t, p, Stranger)
			callerCtx := t.Context()
			if i == 2 {
				callerCtx = ctx // the third has to wait for a worker
			}
			callers.Go(func() {
				_, err := ticket.Verify(callerCtx, PHC{}, secret.Text{})
				if i == 2 && !errors.Is(err, context.Canceled) {
					t.Errorf("err = %v, want context.Canceled", err)
				}
			})
			synctest.Wait()
		}
		leave()
		callers.Wait()
		synctest.Wait()
		if got := metric(t, registry, "doorward_authn_password_hashes_total", Stranger); got != 2 {
			t.Errorf("%d hashes, want 2", got)
		}
		if got := metric(t, registry, "doorward_authn_password_slots_taken", Stranger); got != 0 {
			t.Errorf("%d slots taken at the end", got)
		}
	})
}

func TestAHashOnceBegunIsAnsweredThoughTheCallerLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := testPool(t)
		right := secret.Wrap("correct horse battery")
		phc, err := begin(t, p, Stranger).Renew(t.Context(), right)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), cost/2)
		defer cancel()
		got, err := begin(t, p, Stranger).Verify(ctx, phc, right)
		if err != nil || !got.OK {
			t.Errorf("Verify = %+v, %v; want the outcome, to be counted for what it is", got, err)
		}
	})
}

func TestAwaitDeadlineEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := testPool(t)
		ctx, cancel := context.WithTimeout(t.Context(), cost)
		defer cancel()
		if err := begin(t, p, Stranger).AwaitDeadline(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v, want context.DeadlineExceeded", err)
		}
	})
}
