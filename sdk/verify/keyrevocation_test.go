package verify_test

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/sdk/internal/authntest"
	"github.com/doorward/doorward/sdk/verify"
)

const expired = typev1.Reason_REASON_SESSION_TOKEN_EXPIRED

// replaceKeys is authn's answer to a stolen key, as far as a verifier sees it: the key set is another, and the feed says which keys are revoked.
func (w *world) replaceKeys(t *testing.T) {
	t.Helper()
	for _, keyID := range w.Replace() {
		applied(t, w.feed.RevokeKey(keyID))
	}
}

// forged is what a thief signs with the stolen key: somebody's session, for years.
func (w *world) forged() string {
	claims := w.Claims("usr_1", "ses_1")
	claims["exp"] = w.clock.Now().AddDate(10, 0, 0).Unix()
	return w.Sign(claims, nil)
}

func TestWhatARevokedKeySignedIsRefused(t *testing.T) {
	w := newWorld(t)
	genuine, forged, unseen := w.token("ses_1"), w.forged(), w.token("ses_2")
	for _, token := range []string{genuine, forged} {
		_, err := w.verifier.Verify(t.Context(), token)
		expectReason(t, err, none) // and remembered from here on
	}
	w.replaceKeys(t)
	refreshed := w.token("ses_1")
	for range 2 {
		for _, token := range []string{genuine, forged, unseen} {
			_, err := w.verifier.Verify(t.Context(), token)
			expectReason(t, err, expired)
		}
		// The session itself goes on.
		_, err := w.verifier.Verify(t.Context(), refreshed)
		expectReason(t, err, none)
	}
	if stats := w.verifier.Stats(); stats.RevokedKeys != 1 || stats.Revoked != 0 || stats.Asked != 0 {
		t.Errorf("%+v", stats)
	}
}

// Somebody who makes up key ids can't have the next token refused for as long as unknown ids are paused.
func TestRevocationOfAKeyLiftsThePauseOfUnknownKeyIDs(t *testing.T) {
	w := newWorld(t)
	madeUp := w.Sign(w.Claims("usr_1", "ses_1"), map[string]any{"kid": "key_made_up"})
	for range 2 {
		_, err := w.verifier.Verify(t.Context(), madeUp)
		expectReason(t, err, invalid)
	}
	if keys, _ := w.Calls(); keys != 2 {
		t.Fatalf("%d fetches, want the one of the start and one for the unknown id", keys)
	}
	w.replaceKeys(t)
	_, err := w.verifier.Verify(t.Context(), w.token("ses_1"))
	expectReason(t, err, none)
	for range 50 {
		_, err := w.verifier.Verify(t.Context(), madeUp)
		expectReason(t, err, invalid)
	}
	// One for the revocation, and at most one more that was owed when it took off.
	if keys, _ := w.Calls(); keys > 4 {
		t.Errorf("%d fetches", keys)
	}
}

// An application that starts right after has fetched its keys from wherever, and learns from the feed which are bad.
func TestRevocationOfAKeyBeforeTheStartIsKnown(t *testing.T) {
	w := newWorld(t, func(c *verify.Config) {
		feed, ok := c.Revocations.(*authntest.Feed)
		if !ok {
			t.Fatal("another feed")
		}
		feed.RevokeKey("key_1") // which the key set still has
		feed.Beat()
	})
	applied(t, w.feed.Beat())
	_, err := w.verifier.Verify(t.Context(), w.token("ses_1"))
	expectReason(t, err, expired)
	w.Replace()
	_, err = w.verifier.Verify(t.Context(), w.token("ses_1"))
	if reason := reasonOf(err); reason != none && reason != typev1.Reason_REASON_UNAVAILABLE {
		t.Errorf("the next key's token: %v", err) // until the key set is another, it says to come back
	}
}

func TestReadingTheFeedAgainFetchesNoKeys(t *testing.T) {
	w := newWorld(t)
	w.replaceKeys(t)
	_, err := w.verifier.Verify(t.Context(), w.token("ses_1"))
	expectReason(t, err, none)
	before, _ := w.Calls()
	for range 3 {
		w.feed.Break(errors.New("connection lost"))
		applied(t, w.feed.Beat())
	}
	if after, _ := w.Calls(); after > before+1 { // one may have been owed
		t.Errorf("%d fetches for reading again", after-before)
	}
	if stats := w.verifier.Stats(); stats.RevokedKeys != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestOpenStreamsEndWithTheirKey(t *testing.T) {
	w := newWorld(t)
	old, err := openReader(t, w, "ses_1")
	expectReason(t, err, none)
	w.Rotate()
	w.clock.Advance(time.Minute) // past any pause
	applied(t, w.feed.Beat())
	young, err := openReader(t, w, "ses_1")
	expectReason(t, err, none)
	applied(t, w.feed.RevokeKey("key_1"))
	expectReason(t, old.RecvMsg(new(healthv1.HealthCheckResponse)), expired)
	if streams := w.verifier.Stats().Streams; streams != 1 {
		t.Errorf("%d streams are watched, want the one of the other key", streams)
	}
	exchange(t, young)
}

// exchange sends one message and gets one.
func exchange(t *testing.T, stream grpc.ClientStream) {
	t.Helper()
	if err := stream.SendMsg(new(healthv1.HealthCheckRequest)); err != nil {
		t.Error(err)
	}
	if err := stream.RecvMsg(new(healthv1.HealthCheckResponse)); err != nil {
		t.Error(err)
	}
}
