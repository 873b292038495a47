package verify

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

// keyServer answers as authn would, with the keys it is given.
type keyServer struct {
	mu    sync.Mutex
	ids   []string
	fault error
	calls int
	// under is how long an answer is under way.
	under time.Duration
}

func (s *keyServer) set(fault error, ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids, s.fault = ids, fault
}

func (s *keyServer) called() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *keyServer) GetKeySet(context.Context, *authnv1.GetKeySetRequest, ...grpc.CallOption) (*authnv1.GetKeySetResponse, error) {
	answer, err := s.answer()
	time.Sleep(s.under)
	return answer, err
}

func (s *keyServer) answer() (*authnv1.GetKeySetResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.fault != nil {
		return nil, s.fault
	}
	answer := &authnv1.GetKeySetResponse{Issuer: "iss", MaxAge: durationpb.New(time.Minute), SessionTokenLifetime: durationpb.New(time.Minute)}
	for _, id := range s.ids {
		answer.Keys = append(answer.Keys, signingKey(id))
	}
	return answer, nil
}

func signingKey(id string) *authnv1.SigningKey {
	return &authnv1.SigningKey{Id: id, Algorithm: "EdDSA", Type: "OKP", Curve: "Ed25519", X: make([]byte, ed25519.PublicKeySize)}
}

func startKeyring(t *testing.T, ids ...string) (*keyring, *keyServer) {
	t.Helper()
	server := &keyServer{ids: ids}
	ring := newKeyring(server, &Config{Issuer: "iss", Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
	if err := ring.fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	return ring, server
}

func TestRotatedKeyIsFetchedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, server := startKeyring(t, "key_1")
		time.Sleep(refetchPause)
		server.set(nil, "key_1", "key_2")
		for _, id := range []string{"key_2", "key_1"} {
			if _, err := ring.find(t.Context(), id); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		if calls := server.called(); calls != 2 {
			t.Errorf("%d calls, want 2", calls)
		}
	})
}

func TestFloodOfUnknownKeyIDsCostsAuthnOneCallPerPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, server := startKeyring(t, "key_1")
		const rounds = 3
		for range rounds {
			time.Sleep(refetchPause)
			var flood sync.WaitGroup
			for i := range 500 {
				flood.Go(func() {
					if _, err := ring.find(t.Context(), fmt.Sprint("made up ", i)); !errors.Is(err, ErrTokenInvalid) {
						t.Errorf("%v", err)
					}
				})
			}
			flood.Wait()
		}
		if calls := server.called(); calls != 1+rounds {
			t.Errorf("%d calls, want %d", calls, 1+rounds)
		}
	})
}

func TestUnknownKeyIDWhileAuthnIsDownIsNotTheTokensFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, server := startKeyring(t, "key_1")
		time.Sleep(time.Minute)
		server.set(errors.New("down"))
		for range 3 {
			if _, err := ring.find(t.Context(), "key_2"); !errors.Is(err, ErrKeysUnavailable) {
				t.Errorf("%v", err)
			}
		}
		if _, err := ring.find(t.Context(), "key_1"); err != nil {
			t.Errorf("the key that is known: %v", err)
		}
		if calls := server.called(); calls != 2 {
			t.Errorf("%d calls, want 2", calls)
		}
	})
}

func TestKeySetIsRenewedBeforeItIsTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, server := startKeyring(t, "key_1")
		ctx, cancel := context.WithCancel(t.Context())
		go ring.run(ctx)
		server.set(nil, "key_2")
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, ok := ring.current.Load().byID["key_2"]; !ok || server.called() != 2 {
			t.Errorf("after max_age: %v, %d calls", ring.current.Load().byID, server.called())
		}
		if _, err := ring.find(ctx, "key_1"); err == nil {
			t.Error("a key that authn withdrew is still good")
		}
		cancel()
		synctest.Wait()
	})
}

func TestFailedRenewalKeepsTheKeysForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring, server := startKeyring(t, "key_1")
		server.set(errors.New("down"))
		ctx, cancel := context.WithCancel(t.Context())
		go ring.run(ctx)
		time.Sleep(keptAtMost - time.Second)
		if _, err := ring.find(ctx, "key_1"); err != nil {
			t.Errorf("within a day: %v", err)
		}
		time.Sleep(time.Second)
		if _, err := ring.find(ctx, "key_1"); !errors.Is(err, ErrKeysUnavailable) {
			t.Errorf("after a day: %v", err)
		}
		cancel()
		synctest.Wait()
	})
}

func TestUnusableAnswerLeavesTheKeysAsTheyWere(t *testing.T) {
	for name, change := range map[string]func(*keyServer, *keyring){
		"no keys":        func(s *keyServer, _ *keyring) { s.set(nil) },
		"another issuer": func(_ *keyServer, r *keyring) { r.issuer = "another" },
	} {
		t.Run(name, func(t *testing.T) {
			ring, server := startKeyring(t, "key_1")
			change(server, ring)
			if err := ring.fetch(t.Context()); err == nil {
				t.Error("it was taken")
			}
			if _, err := ring.find(t.Context(), "key_1"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOnlyEd25519KeysOfTheRightFormAreUsed(t *testing.T) {
	odd := func(change func(*authnv1.SigningKey)) *authnv1.SigningKey {
		key := signingKey("odd")
		change(key)
		return key
	}
	got := usable([]*authnv1.SigningKey{
		signingKey("good"), signingKey(""), nil,
		odd(func(k *authnv1.SigningKey) { k.Algorithm = "HS256" }),
		odd(func(k *authnv1.SigningKey) { k.Type = "EC" }),
		odd(func(k *authnv1.SigningKey) { k.Curve = "X25519" }),
		odd(func(k *authnv1.SigningKey) { k.X = k.X[1:] }),
	})
	if _, ok := got["good"]; !ok || len(got) != 1 {
		t.Errorf("%v", got)
	}
}
