package verify_test

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/sdk/verify"
)

const (
	ended = typev1.Reason_REASON_SESSION_ENDED
	stale = typev1.Reason_REASON_REVOCATIONS_STALE
)

func closed(c *verify.Config) { c.OnStale = verify.Closed }

func TestRevokedSessionIsRefusedThoughItsTokenIsRemembered(t *testing.T) {
	w := newWorld(t)
	token, spared := w.token("ses_1"), w.token("ses_2")
	for range 2 {
		_, err := w.verifier.Verify(t.Context(), token)
		expectReason(t, err, none)
	}
	applied(t, w.feed.Revoke("ses_1"))
	_, err := w.verifier.Verify(t.Context(), token)
	expectReason(t, err, ended)
	_, err = w.verifier.Verify(t.Context(), w.token("ses_1")) // another token of the session
	expectReason(t, err, ended)
	_, err = w.verifier.Verify(t.Context(), spared)
	expectReason(t, err, none)
	if _, asks := w.Calls(); asks != 0 {
		t.Errorf("authn was asked %d times", asks)
	}
}

func TestRevocationIsForgottenOnceNoTokenLives(t *testing.T) {
	w := newWorld(t)
	applied(t, w.feed.Revoke("ses_1"))
	w.clock.Advance(time.Minute + 29*time.Second)
	applied(t, w.feed.Beat())
	if known := w.verifier.Stats().Revoked; known != 1 {
		t.Fatalf("%d revoked sessions within the clocks' margin, want 1", known)
	}
	w.clock.Advance(20 * time.Second)
	applied(t, w.feed.Beat())
	if known := w.verifier.Stats().Revoked; known != 0 {
		t.Errorf("%d revoked sessions, want 0", known)
	}
}

func TestRevocationsBeforeTheStartAreKnown(t *testing.T) {
	w := newWorld(t, func(c *verify.Config) {
		feed, ok := c.Revocations.(interface {
			Revoke(string) <-chan struct{}
			Beat() <-chan struct{}
		})
		if !ok {
			t.Fatal("another feed")
		}
		feed.Revoke("ses_1")
		feed.Beat()
	})
	applied(t, w.feed.Beat())
	_, err := w.verifier.Verify(t.Context(), w.token("ses_1"))
	expectReason(t, err, ended)
}

// With a stale feed authn's word decides, and without that the operator's choice.
func TestStaleFeedAsksAuthnThenFollowsTheChoice(t *testing.T) {
	refuse := func(code codes.Code, reason string) func(string) (*authnv1.VerifySessionResponse, error) {
		return func(string) (*authnv1.VerifySessionResponse, error) {
			state, err := status.New(code, "no").WithDetails(&errdetails.ErrorInfo{Domain: "doorward", Reason: reason})
			if err != nil {
				return nil, err
			}
			return nil, state.Err()
		}
	}
	for name, test := range map[string]struct {
		answer       func(string) (*authnv1.VerifySessionResponse, error)
		open, closed typev1.Reason
	}{
		"alive":                  {nil, none, none},
		"ended":                  {refuse(codes.Unauthenticated, "SESSION_ENDED"), ended, ended},
		"unknown there":          {refuse(codes.Unauthenticated, "SESSION_TOKEN_INVALID"), ended, ended},
		"expired there":          {refuse(codes.Unauthenticated, "SESSION_TOKEN_EXPIRED"), typev1.Reason_REASON_SESSION_TOKEN_EXPIRED, typev1.Reason_REASON_SESSION_TOKEN_EXPIRED},
		"down":                   {refuse(codes.Unavailable, "UNAVAILABLE"), none, stale},
		"our own key is revoked": {refuse(codes.Unauthenticated, "API_KEY_INVALID"), none, stale},
		"no reason":              {func(string) (*authnv1.VerifySessionResponse, error) { return nil, errors.New("boom") }, none, stale},
		"about another session": {
			func(string) (*authnv1.VerifySessionResponse, error) {
				return &authnv1.VerifySessionResponse{SessionId: "ses_9"}, nil
			}, ended, ended,
		},
	} {
		for choice, want := range map[verify.Choice]typev1.Reason{verify.Open: test.open, verify.Closed: test.closed} {
			t.Run(name+", "+choice.String(), func(t *testing.T) {
				w := newWorld(t, func(c *verify.Config) { c.OnStale = choice })
				w.Answer(test.answer)
				token := w.token("ses_1")
				w.clock.Advance(5*time.Second + 1)
				_, err := w.verifier.Verify(t.Context(), token)
				expectReason(t, err, want)
			})
		}
	}
}

func TestFeedAtItsLimitIsStillFresh(t *testing.T) {
	w := newWorld(t, closed)
	w.Answer(func(string) (*authnv1.VerifySessionResponse, error) { return nil, errors.New("down") })
	w.clock.Advance(5 * time.Second)
	_, err := w.verifier.Verify(t.Context(), w.token("ses_1"))
	expectReason(t, err, none)
	w.clock.Advance(1)
	_, err = w.verifier.Verify(t.Context(), w.token("ses_1"))
	expectReason(t, err, stale)
	applied(t, w.feed.Beat())
	_, err = w.verifier.Verify(t.Context(), w.token("ses_1"))
	expectReason(t, err, none)
}

func TestAuthnsWordCountsForASecond(t *testing.T) {
	w := newWorld(t)
	token := w.token("ses_1")
	w.clock.Advance(10 * time.Second)
	verifyTimes := func(n int) {
		for range n {
			_, err := w.verifier.Verify(t.Context(), token)
			expectReason(t, err, none)
		}
	}
	verifyTimes(50)
	w.clock.Advance(time.Second)
	verifyTimes(50)
	if _, asks := w.Calls(); asks != 2 {
		t.Errorf("authn was asked %d times, want 2", asks)
	}
}

func TestSilentAuthnIsLeftAloneForASecond(t *testing.T) {
	w := newWorld(t)
	w.Answer(func(string) (*authnv1.VerifySessionResponse, error) {
		return nil, status.Error(codes.Unavailable, "down")
	})
	w.clock.Advance(10 * time.Second)
	for i := range 50 {
		_, err := w.verifier.Verify(t.Context(), w.token("ses_"+string(rune('a'+i))))
		expectReason(t, err, none)
	}
	if _, asks := w.Calls(); asks != 1 {
		t.Errorf("authn was asked %d times, want 1", asks)
	}
	if admitted := w.verifier.Stats().AdmittedStale; admitted != 50 {
		t.Errorf("%d admitted by choice, want 50", admitted)
	}
}

// A full set can't promise anything until what it dropped may be forgotten, and says so by being stale.
func TestFullSetCountsAsStale(t *testing.T) {
	w := newWorld(t, closed, func(c *verify.Config) { c.MaxRevoked = 2 })
	for _, id := range []string{"ses_1", "ses_2", "ses_3"} {
		applied(t, w.feed.Revoke(id))
	}
	if stats := w.verifier.Stats(); stats.Revoked != 2 || stats.FeedFresh {
		t.Fatalf("%+v", stats)
	}
	w.Answer(func(string) (*authnv1.VerifySessionResponse, error) { return nil, errors.New("down") })
	_, err := w.verifier.Verify(t.Context(), w.token("ses_3"))
	expectReason(t, err, stale)
	w.clock.Advance(2 * time.Minute)
	applied(t, w.feed.Beat())
	if stats := w.verifier.Stats(); stats.Revoked != 0 || !stats.FeedFresh {
		t.Errorf("%+v", stats)
	}
}
