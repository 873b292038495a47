package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/doorward/doorward/sdk/internal/authntest"
)

// running runs a keyring until the returned function is called.
func running(t *testing.T, ring *keyring) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ring.run(ctx)
	}()
	synctest.Wait()
	return func() {
		cancel()
		<-ended
		synctest.Wait()
	}
}

func TestRevokedKeyIsGoneAndTheKeysAreFetchedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, server := startKeyring(t, "key_1")
		defer running(t, ring)()
		server.set(nil, "key_2")
		if !ring.revoke("key_1") || ring.revoke("key_1") {
			t.Error("a revocation is news once")
		}
		if _, err := ring.find(t.Context(), "key_1"); !errors.Is(err, ErrTokenExpired) {
			t.Errorf("the revoked key: %v", err)
		}
		synctest.Wait()
		if _, ok := ring.known("key_2", time.Now()); !ok {
			t.Error("the next key isn't known, though nobody had to wait")
		}
		if calls := server.called(); calls > 3 {
			t.Errorf("%d calls", calls)
		}
	})
}

// The answer that was under way when the key was revoked is from before. It doesn't bring the key back, and whoever waits for it doesn't make
// do with it.
func TestKeySetFromBeforeTheRevocationDoesNotBringTheKeyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, server := startKeyring(t, "key_1", "key_0")
		time.Sleep(refetchPause)
		server.under = time.Second
		found := make(chan error)
		go func() {
			_, err := ring.find(t.Context(), "key_2") // asks, and is told of key_0 and key_1
			found <- err
		}()
		synctest.Wait()
		server.set(nil, "key_2")
		ring.revoke("key_0")
		ring.revoke("key_1")
		if err := <-found; err != nil {
			t.Errorf("the next key: %v", err)
		}
		for _, id := range []string{"key_0", "key_1"} {
			if _, ok := ring.known(id, time.Now()); ok {
				t.Errorf("%s is back", id)
			}
		}
		if calls := server.called(); calls != 3 {
			t.Errorf("%d calls, want the start's, the one before, and the one after", calls)
		}
	})
}

func TestAuthnThatStillPublishesARevokedKeyIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, server := startKeyring(t, "key_1")
		defer running(t, ring)()
		ring.revoke("key_1") // another replica of authn has switched
		synctest.Wait()
		if _, err := ring.find(t.Context(), "key_2"); !errors.Is(err, ErrKeysUnavailable) {
			t.Errorf("a key of neither: %v; want to be told to come back", err)
		}
		server.set(nil, "key_2")
		time.Sleep(longestPause)
		if _, err := ring.find(t.Context(), "key_2"); err != nil {
			t.Errorf("after the other has switched: %v", err)
		}
	})
}

func TestFetchThatARevocationOwesIsTriedUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, server := startKeyring(t, "key_1")
		defer running(t, ring)()
		server.set(errors.New("down"))
		ring.revoke("key_1")
		time.Sleep(20 * time.Second)
		failed := server.called()
		if failed < 5 || failed > 20 {
			t.Errorf("%d calls in 20 s", failed)
		}
		server.set(nil, "key_2")
		time.Sleep(longestPause)
		if _, ok := ring.known("key_2", time.Now()); !ok {
			t.Error("the next key isn't known")
		}
	})
}

// Whoever could make revocations up could do worse; all the same they cost authn little.
func TestManyRevocationsCostFewFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, server := startKeyring(t, "key_1")
		defer running(t, ring)()
		server.under = time.Second
		for i := range 10 * maxRevokedKeys {
			ring.revoke(fmt.Sprint("key_of_old_", i))
		}
		time.Sleep(10 * time.Second)
		if calls := server.called(); calls > 4 {
			t.Errorf("%d calls", calls)
		}
		if kept := ring.revocations(); kept != maxRevokedKeys {
			t.Errorf("%d are remembered, want %d", kept, maxRevokedKeys)
		}
		if !ring.isRevoked(fmt.Sprint("key_of_old_", 10*maxRevokedKeys-1)) || ring.isRevoked("key_of_old_0") {
			t.Error("not the oldest gave way")
		}
	})
}

// sinces is a source that says since when it is read, and is silent.
type sinces chan time.Time

func (s sinces) Read(ctx context.Context, since time.Time, _ func(string, map[string][]string, []byte)) error {
	s <- since
	<-ctx.Done()
	return ctx.Err()
}

// A key that was revoked while both NATS and authn were away is in the keys that were fetched before. The feed is read from then on.
func TestFeedIsReadFromWhenTheKeysWereFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &keyServer{ids: []string{"key_1"}}
		config := Config{Issuer: "iss", Revocations: sinces(make(chan time.Time, 10_000)), Logger: slog.New(slog.DiscardHandler)}.withDefaults()
		keys := newKeyring(server, &config)
		if err := keys.fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		server.set(errors.New("down"))
		v := newVerifier(keys, nil, &config)
		v.start(t.Context())
		time.Sleep(3 * time.Hour)
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		reads := config.Revocations.(sinces)
		close(reads)
		var last time.Time
		for since := range reads {
			last = since
		}
		if want := began.Add(-readMargin); !last.Equal(want) {
			t.Errorf("after three hours it is read from %v on, want %v", last.Sub(began), want.Sub(began))
		}
	})
}

// A revocation may come after the token was checked and before the stream can be ended by one.
func TestStreamOfAKeyRevokedWhileItOpensIsRefused(t *testing.T) {
	config := Config{Revocations: authntest.NewFeed(time.Now)}.withDefaults()
	keys, _ := startKeyring(t, "key_1")
	keys.revoke("key_1")
	v := newVerifier(keys, nil, &config)
	session := Session{SessionID: "ses_1", keyID: "key_1"}
	err := v.serve(nil, opening{ctx: t.Context()}, session, func(any, grpc.ServerStream) error {
		t.Error("the handler ran")
		return nil
	})
	if !errors.Is(err, ErrTokenExpired) || v.feed.watchers.len() != 0 {
		t.Errorf("%v; %d streams are watched", err, v.feed.watchers.len())
	}
}
