package attack_test

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/bus"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/test/deployment"
)

// stuffing tries pairs of address and password that leaked elsewhere, on unknown devices, each from an address of its own. One in a hundred is right, and
// two at least. The intruder has a code sent and guesses it as often as an attempt lets, then tries once more.
//
// What an intruder leaves behind is told when the attempt ends, after a quarter of an hour; here an identifier has room for one that has proved something, so that two more end it.
func stuffing(t *testing.T, s *suite) {
	s.tune(t, func(p *authnv1.Policy) { p.AttemptsPerIdentifier = 1 })
	s.unpace(t)
	hits := max(2, hashed()/100)
	owners := make([]*owner, hits)
	for i := range owners {
		owners[i] = s.newOwner(t, "stuffed")
	}
	abandoned := s.countEvents(t, "authn.signin.abandoned.v1")

	var heard, codes tally
	besiege(t.Context(), hashed(), sprayers, 0, func(ctx context.Context, n int) {
		from, email, password := s.crowd.next(), unknown("stuffed"), wrong
		if n < hits {
			email, password = owners[n].email, owners[n].password
		}
		a, err := s.try(ctx, email, password, from)
		heard.add(a, err)
		if n < hits && err == nil {
			s.intrude(ctx, t, a, &codes)
			_, _ = s.try(ctx, email, password, from) // as often as it takes until one more ends the oldest
			_, _ = s.client.SignIn(ctx, email, from)
		}
	})
	t.Logf("stuffed pairs: %d, of them right: %d: %s", hashed(), hits, &heard)
	t.Logf("sessions without the mailed code: %d (at most 0); guesses at codes: %s", heard.granted+codes.granted, &codes)
	if heard.granted+codes.granted > 0 || heard.of("STEP_DEVICE_VERIFICATION") != hits {
		t.Errorf("%d sessions; the right passwords led to: %s", heard.granted+codes.granted, &heard)
	}
	warned := 0
	for _, o := range owners {
		deployment.Eventually(t, "the owner is mailed the code that the intruder needs", func() bool { return len(s.Mails(o.email)) >= 2 })
		deployment.Eventually(t, "the owner is told that somebody knows the password", func() bool {
			return slices.ContainsFunc(s.Mails(o.email), func(m deployment.Mail) bool { return m.Subject == "Somebody entered your password" })
		})
		warned++
	}
	deployment.Eventually(t, "each sign-in that was abandoned after a right password is told", func() bool { return int(abandoned.Load()) >= hits })
	t.Logf("owners mailed a code that they didn't ask for: %d (of %d); sign-ins told as abandoned after a right password: %d (of %d)",
		warned, hits, abandoned.Load(), hits)
}

// intrude has a code mailed to the owner, and guesses.
func (s *suite) intrude(ctx context.Context, t *testing.T, a *doorward.Attempt, codes *tally) {
	if err := a.SendCode(ctx); err != nil {
		t.Errorf("send a code: %v", err)
	}
	for _, guess := range []string{"000000", "123456", "654321"} {
		codes.add(a, a.Code(ctx, guess))
	}
}

// countEvents counts events of a type from now on, as any application may that is told of them, until the test ends.
func (s *suite) countEvents(t *testing.T, eventType string) *atomic.Int64 {
	t.Helper()
	env := s.Environment()
	identity, err := bus.ReadIdentity(env["DOORWARD_EVENTS_SEED"], bus.Subscriber)
	must(t, err)
	conn, err := bus.Connect(t.Context(), bus.Config{URL: env["DOORWARD_NATS_URL"], Identity: identity, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	metrics, err := bus.NewMetrics(prometheus.NewRegistry())
	must(t, err)
	count := new(atomic.Int64)
	view, err := bus.NewView(conn, bus.FollowConfig{
		Stream: bus.StreamAuthn,
		Load:   func(context.Context) (bus.Cursor, error) { return bus.Cursor{}, nil },
		Handle: func(_ context.Context, e bus.Event, _ bus.Cursor) error {
			if e.Type == eventType {
				count.Add(1)
			}
			return nil
		},
		Logger: slog.New(slog.DiscardHandler), Metrics: metrics,
	})
	must(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ran := make(chan error, 1)
	go func() { ran <- view.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		conn.Close()
	})
	return count
}
