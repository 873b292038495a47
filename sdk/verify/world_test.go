package verify_test

import (
	"context"
	"sync"
	"testing"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/internal/authntest"
	"github.com/doorward/doorward/sdk/verify"
)

const (
	issuer   = "https://id.example.com"
	audience = "notes"
)

// clock is a clock that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a verifier with an authn and a feed that do as they are told, over real gRPC.
type world struct {
	*authntest.Authority
	clock    *clock
	feed     *authntest.Feed
	verifier *verify.Verifier
}

func newWorld(t testing.TB, adjust ...func(*verify.Config)) *world {
	t.Helper()
	w := &world{clock: &clock{now: time.Now().Truncate(time.Second)}}
	w.Authority = authntest.NewAuthority(issuer, audience, w.clock.Now)
	w.feed = authntest.NewFeed(w.clock.Now)
	w.feed.Beat()
	config := verify.Config{
		Issuer:      issuer,
		Audience:    audience,
		Authn:       authntest.Connect(t, w.Register),
		Revocations: w.feed,
		Now:         w.clock.Now,
	}
	for _, change := range adjust {
		change(&config)
	}
	verifier, err := verify.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	w.verifier = verifier
	t.Cleanup(func() {
		if err := verifier.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) token(sessionID string) string { return w.Sign(w.Claims("usr_1", sessionID), nil) }

// applied waits until the feed's message has been applied.
func applied(t testing.TB, message <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	select {
	case <-message:
	case <-ctx.Done():
		t.Fatal("the feed's message wasn't applied within 10 s")
	}
}

// expectReason fails unless the error has the reason; none stands for no error.
func expectReason(t testing.TB, err error, want typev1.Reason) {
	t.Helper()
	got := reasonOf(err)
	if got != want || (err != nil) != (want != none) {
		t.Fatalf("reason %v (%v), want %v", got, err, want)
	}
}

func reasonOf(err error) typev1.Reason {
	reason, _ := doorward.ReasonOf(err)
	return reason
}

const none = typev1.Reason_REASON_UNSPECIFIED
