package verify

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorward/doorward/sdk/internal/authntest"
)

var _ Source = (*authntest.Feed)(nil)

// startFeed runs a feed on a stream in memory, in a bubble whose clock both share.
func startFeed(t *testing.T, prepare func(*authntest.Feed)) (*feed, *authntest.Feed) {
	t.Helper()
	stream := authntest.NewFeed(time.Now)
	prepare(stream)
	config := Config{Revocations: stream}.withDefaults()
	f := newFeed(&config, func() time.Duration { return time.Minute }, noKeys{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	synctest.Wait()
	return f, stream
}

// noKeys is for feeds that tell of no key.
type noKeys struct{}

func (noKeys) revoke(string) bool { return false }
func (noKeys) doubt()             {}

// pass lets time go by on the bubble's clock.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestFeedIsStaleUntilItsFirstHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, stream := startFeed(t, func(*authntest.Feed) {})
		stream.Revoke("ses_1")
		synctest.Wait()
		if f.isFresh(time.Now()) || f.age(time.Now()) != never {
			t.Fatal("fresh without a heartbeat")
		}
		stream.Beat()
		synctest.Wait()
		if !f.isFresh(time.Now()) || !f.revoked.has("ses_1") {
			t.Error("not fresh after a heartbeat")
		}
	})
}

// The stream keeps one heartbeat: with authn gone for a minute, a verifier that starts must not take it for news.
func TestKeptHeartbeatIsAsOldAsItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := startFeed(t, func(stream *authntest.Feed) {
			stream.Beat()
			pass(20 * time.Second)
		})
		if age := f.age(time.Now()); age != 20*time.Second {
			t.Errorf("age %v, want 20 s", age)
		}
	})
}

// From the second heartbeat of a read on it is our clock that counts, so authn's clock may be behind.
func TestLiveHeartbeatIsDatedByOurClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, stream := startFeed(t, func(stream *authntest.Feed) { stream.BeatAt(time.Now().Add(-readMargin)) })
		stream.BeatAt(time.Now().Add(time.Second - readMargin))
		synctest.Wait()
		pass(2 * time.Second)
		if age := f.age(time.Now()); age != 2*time.Second {
			t.Errorf("age %v, want 2 s", age)
		}
	})
}

func TestHeartbeatFromTheFutureIsNotFresherThanNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := startFeed(t, func(stream *authntest.Feed) { stream.BeatAt(time.Now().Add(time.Hour)) })
		pass(6 * time.Second)
		if f.isFresh(time.Now()) {
			t.Errorf("fresh at the age of %v", f.age(time.Now()))
		}
	})
}

// With the outbox stuck, revocations stop and so do heartbeats: the age grows, though the connection is well.
func TestStuckOutboxMakesTheFeedAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, stream := startFeed(t, func(stream *authntest.Feed) { stream.Beat() })
		pass(5 * time.Second)
		if !f.isFresh(time.Now()) {
			t.Fatal("stale at 5 s")
		}
		pass(time.Nanosecond)
		if f.isFresh(time.Now()) {
			t.Fatal("fresh after 5 s")
		}
		stream.Revoke("ses_1") // alone it proves nothing about those before it
		synctest.Wait()
		if f.isFresh(time.Now()) {
			t.Error("a revocation made the feed fresh")
		}
	})
}

// After a lost connection everything that matters is read again: nothing hangs on where the last read stopped.
func TestInterruptedFeedMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, stream := startFeed(t, func(stream *authntest.Feed) { stream.Beat() })
		for _, id := range []string{"ses_1", "ses_2", "ses_3"} {
			stream.Break(errors.New("connection lost"))
			stream.Revoke(id)
			stream.Beat()
			pass(longestPause)
			if !f.revoked.has(id) {
				t.Errorf("%s isn't known", id)
			}
		}
	})
}

func TestSilentReadIsBegunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := make(chan time.Time, 100)
		config := Config{Revocations: silent(reads)}.withDefaults()
		f := newFeed(&config, func() time.Duration { return time.Minute }, noKeys{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			f.run(ctx)
		}()
		pass(time.Minute)
		cancel()
		<-done
		// One at 0, 15, 30 and 45 s, each a pause later.
		if n := len(reads); n < 3 || n > 4 {
			t.Errorf("%d reads in a minute", n)
		}
		if since := <-reads; time.Since(since) != 2*time.Minute+readMargin {
			t.Errorf("the first read goes back %v before the start", time.Since(since)-time.Minute)
		}
	})
}

// silent is a source that is connected and says nothing.
type silent chan<- time.Time

func (s silent) Read(ctx context.Context, since time.Time, _ func(string, map[string][]string, []byte)) error {
	s <- since
	<-ctx.Done()
	return ctx.Err()
}

func TestRevocationIsKeptForABoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, stream := startFeed(t, func(stream *authntest.Feed) { stream.Beat() })
		stream.RevokeUntil("ses_1", time.Now().AddDate(100, 0, 0))
		stream.RevokeUntil("ses_2", time.Now().Add(-time.Hour))
		stream.Publish("doorward.revocation.session.", "revocation.session.v1", nil)
		stream.Publish("doorward.revocation.other", "revocation.other.v1", nil)
		synctest.Wait()
		if !f.revoked.has("ses_1") || f.revoked.count(revoked) != 1 {
			t.Fatalf("%d known", f.revoked.count(revoked))
		}
		pass(longestKept + 2*time.Minute) // it was read again for as long as the stream handed it out
		f.revoked.sweep(time.Now())
		if f.revoked.count(revoked) != 0 {
			t.Error("kept for longer than a token may live")
		}
	})
}

func TestRepeatedRevocationIsNeverShortened(t *testing.T) {
	set, now := newRevokedSet(10), time.Now()
	set.add("ses_1", now.Add(time.Hour), now)
	set.add("ses_1", now.Add(time.Minute), now)
	set.sweep(now.Add(30 * time.Minute))
	if !set.has("ses_1") {
		t.Error("forgotten by the shorter time")
	}
}
