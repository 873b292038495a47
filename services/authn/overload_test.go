package authn_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// TestOverloadSparesThoseWhoAreIn: while more callers than the server has places begin sign-ups and sign-ins without a pause, and both are
// turned away, health, token checks and refreshes are answered each time.
func TestOverloadSparesThoseWhoAreIn(t *testing.T) {
	const places, connections, callers, calls = 16, 4, 12, 50
	w := prepareWorld(t)
	w.cfg.Limits.MaxCalls = places
	w.nats.start()
	w.start()
	app, home := w.application(), laptop()
	grant := app.signUp(w.mailbox(), home, "ada@example.org")

	ctx, cancel := context.WithCancel(t.Context())
	var flood flood
	var crowd sync.WaitGroup
	defer func() {
		cancel()
		crowd.Wait()
	}()
	for range connections {
		stranger := w.application()
		for range callers {
			crowd.Go(func() { flood.signUps(ctx, stranger) })
			crowd.Go(func() { flood.signIns(ctx, stranger) })
		}
	}

	spared := map[string]func() error{
		"health": func() error {
			_, err := healthpb.NewHealthClient(app.conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
			return err
		},
		"verify": func() error { return app.verify(grant.GetSessionToken()) },
		"refresh": func() error {
			r, err := app.refresh(home, grant.GetRefreshToken())
			grant.RefreshToken = r.GetRefreshToken()
			return err
		},
	}
	var inside sync.WaitGroup
	for name, spare := range spared {
		inside.Go(func() {
			for range calls {
				if err := spare(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	inside.Wait()
	w.eventually("sign-ups and sign-ins are turned away", func() bool {
		return flood.signUpsShed.Load() > 0 && flood.signInsShed.Load() > 0
	})
}

// flood is callers who come back at once, whatever they are told.
type flood struct {
	callers                  atomic.Int64
	signUpsShed, signInsShed atomic.Int64
}

func (f *flood) signUps(ctx context.Context, c *caller) {
	for ctx.Err() == nil {
		_, err := c.attempts.StartSignUp(ctx, &authnv1.StartSignUpRequest{Client: stranger(), Email: f.somebody()})
		count(&f.signUpsShed, err)
	}
}

func (f *flood) signIns(ctx context.Context, c *caller) {
	for ctx.Err() == nil {
		_, err := c.attempts.StartSignIn(ctx, &authnv1.StartSignInRequest{Client: stranger(), Email: f.somebody()})
		count(&f.signInsShed, err)
	}
}

func (f *flood) somebody() string { return fmt.Sprintf("user%d@example.org", f.callers.Add(1)) }

func count(shed *atomic.Int64, err error) {
	if fault.ReasonOf(err) == typev1.Reason_REASON_OVERLOADED && fault.RetryAfterOf(err) > 0 {
		shed.Add(1)
	}
}

// TestACallersDeadlineReachesRiskShaved: each hop keeps something of it back, so that it can still say what went wrong.
func TestACallersDeadlineReachesRiskShaved(t *testing.T) {
	const budget, hops, kept = 200 * time.Millisecond, 2, 20 * time.Millisecond
	w := newWorld(t)
	app := w.application()
	w.eventually("risk is asked before the deadline", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), budget)
		defer cancel()
		// A slow machine may leave no time to ask; risk then isn't, and that is right too.
		_, _ = solved(ctx, app.attempts.StartSignUp, &authnv1.StartSignUpRequest{Client: laptop(), Email: "ada@example.org"})
		return w.risk.left.Load() != 0
	})
	if left := time.Duration(w.risk.left.Load()); left > budget-hops*kept {
		t.Errorf("risk had %v of the caller's %v, want %v less for each of %d hops", left, budget, kept, hops)
	}
}
