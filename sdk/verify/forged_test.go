package verify_test

import (
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/sdk/internal/authntest"
	"github.com/doorward/doorward/sdk/verify"
)

func body(t testing.TB, m proto.Message) []byte {
	t.Helper()
	encoded, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// forgeries are headers that authn doesn't write with an event of the type.
func forgeries(eventType string, at time.Time) map[string]map[string][]string {
	out := map[string]map[string][]string{
		"no headers, as NATS's own answers and heartbeats": nil,
		"NATS's status": {"Status": {"100"}, "Description": {"Idle Heartbeat"}},
	}
	change := func(what, name string, values ...string) {
		header := authntest.Headers(eventType, at)
		header[name] = values
		out[what] = header
	}
	for name := range authntest.Headers(eventType, at) {
		header := maps.Clone(authntest.Headers(eventType, at))
		delete(header, name)
		out["no "+name] = header
		change("two of "+name, name, authntest.Headers(eventType, at)[name][0], "other")
		change("a long "+name, name, strings.Repeat("x", 257))
	}
	change("another source", "ce-source", "risk")
	change("another event of authn's", "ce-type", "authn.session.ended.v1")
	change("another version of CloudEvents", "ce-specversion", "0.3")
	change("another body", "ce-datacontenttype", "application/json")
	change("no time", "ce-time", "yesterday")
	return out
}

func TestOnlyWhatAuthnWroteIsBelieved(t *testing.T) {
	log := new(text)
	w := newWorld(t, closed, func(c *verify.Config) { c.Logger = slog.New(slog.NewTextHandler(log, nil)) })
	token, now := w.token("ses_1"), w.clock.Now()
	var refused uint64
	smuggle := func(what, subject string, header map[string][]string, content []byte) {
		t.Helper()
		refused++
		applied(t, w.feed.Smuggle(subject, header, content))
		if stats := w.verifier.Stats(); stats.Refused != refused || stats.Revoked+stats.RevokedKeys > 0 {
			t.Errorf("%s: %+v", what, stats)
		}
	}
	session, key, beat := "doorward.revocation.session.ses_1", "doorward.revocation.signing_key.key_1", "doorward.revocation.heartbeat"
	for what, header := range forgeries("revocation.session.v1", now) {
		smuggle(what, session, header, body(t, &eventv1.Revocation{SessionId: "ses_1"}))
	}
	for what, header := range forgeries("revocation.signing_key.v1", now) {
		smuggle(what, key, header, body(t, &eventv1.SigningKeyRevocation{KeyId: "key_1"}))
	}
	w.clock.Advance(6 * time.Second)
	for what, header := range forgeries("revocation.heartbeat.v1", now) {
		smuggle(what, beat, header, body(t, &eventv1.RevocationHeartbeat{DrainedAt: timestamppb.New(w.clock.Now())}))
	}
	// With authn's own headers, as NATS copies them from another subject, and with the body or without.
	for what, content := range map[string][]byte{
		"another session's": body(t, &eventv1.Revocation{SessionId: "ses_2"}), "no body": nil, "garbled": {0xff},
	} {
		smuggle(what, session, authntest.Headers("revocation.session.v1", now), content)
	}
	for what, content := range map[string][]byte{
		"another key's": body(t, &eventv1.SigningKeyRevocation{KeyId: "key_2"}), "no body": nil, "garbled": {0xff},
	} {
		smuggle(what, key, authntest.Headers("revocation.signing_key.v1", now), content)
	}
	for what, content := range map[string][]byte{
		"no time": nil, "garbled": {0xff}, "no real time": body(t, &eventv1.RevocationHeartbeat{DrainedAt: &timestamppb.Timestamp{Nanos: -1}}),
		"an hour ahead": body(t, &eventv1.RevocationHeartbeat{DrainedAt: timestamppb.New(w.clock.Now().Add(time.Hour))}),
	} {
		smuggle(what, beat, authntest.Headers("revocation.heartbeat.v1", now), content)
	}

	if w.verifier.Stats().FeedFresh {
		t.Error("forged heartbeats made the feed fresh")
	}
	applied(t, w.feed.Beat())
	_, err := w.verifier.Verify(t.Context(), token)
	expectReason(t, err, none)
	if !w.verifier.Stats().FeedFresh {
		t.Error("the feed stopped")
	}
	if lines := strings.Count(log.String(), "isn't authn's"); lines != 1 {
		t.Errorf("%d lines of it in the log within a minute, want 1", lines)
	}
}

// The stream keeps one message of a subject: whoever writes there removes a revocation. So what isn't believed makes authn be asked.
func TestAuthnIsAskedAboutASessionInDoubt(t *testing.T) {
	w := newWorld(t, closed)
	doubtful, other := w.token("ses_1"), w.token("ses_2")
	applied(t, w.feed.Smuggle("doorward.revocation.session.ses_1", nil, nil))
	for range 2 {
		for _, token := range []string{doubtful, other} {
			_, err := w.verifier.Verify(t.Context(), token)
			expectReason(t, err, none)
		}
	}
	if stats := w.verifier.Stats(); stats.Asked != 1 || stats.Doubtful != 1 || !stats.FeedFresh {
		t.Fatalf("%+v", stats)
	}

	w.Answer(func(string) (*authnv1.VerifySessionResponse, error) {
		return nil, status.Error(codes.Unavailable, "down")
	})
	w.clock.Advance(time.Second)
	_, err := w.verifier.Verify(t.Context(), doubtful)
	expectReason(t, err, stale)
	_, err = w.verifier.Verify(t.Context(), other)
	expectReason(t, err, none)

	w.clock.Advance(time.Second)
	w.Answer(func(string) (*authnv1.VerifySessionResponse, error) {
		return &authnv1.VerifySessionResponse{SessionId: "ses_9"}, nil // a word for another session is none for this
	})
	_, err = w.verifier.Verify(t.Context(), doubtful)
	expectReason(t, err, ended)
}

func TestWhatIsRevokedIsNoDoubt(t *testing.T) {
	w := newWorld(t)
	applied(t, w.feed.Smuggle("doorward.revocation.session.ses_1", nil, nil))
	applied(t, w.feed.Revoke("ses_1"))
	applied(t, w.feed.Smuggle("doorward.revocation.session.ses_1", nil, nil))
	_, err := w.verifier.Verify(t.Context(), w.token("ses_1"))
	expectReason(t, err, ended)
	if stats := w.verifier.Stats(); stats.Asked != 0 || stats.Doubtful != 0 || stats.Revoked != 1 {
		t.Errorf("%+v", stats)
	}
}

// A key whose revocation was written over is no longer in authn's key set.
func TestADoubtAboutKeysFetchesThem(t *testing.T) {
	w := newWorld(t)
	stolen := w.forged()
	_, err := w.verifier.Verify(t.Context(), stolen)
	expectReason(t, err, none)
	w.Replace()
	for range 100 {
		applied(t, w.feed.Smuggle("doorward.revocation.signing_key.key_1", nil, nil))
	}
	deadline := time.Now().Add(10 * time.Second)
	for err = nil; err == nil && time.Now().Before(deadline); {
		_, err = w.verifier.Verify(t.Context(), stolen)
	}
	expectReason(t, err, invalid)
	if keys, _ := w.Calls(); keys > 3 { // the start's, the doubt's, and that of the id that is unknown by then
		t.Errorf("%d fetches", keys)
	}
}

// The stream keeps a heartbeat after authn has gone, and whoever may read it can have NATS deliver it again.
func TestACopyOfAHeartbeatMakesNothingFresh(t *testing.T) {
	w := newWorld(t)
	at := w.clock.Now()
	for range 6 {
		w.clock.Advance(time.Second)
		applied(t, w.feed.BeatAt(at))
	}
	applied(t, w.feed.BeatAt(at.Add(-time.Second)))
	w.feed.Break(errors.New("connection lost"))
	applied(t, w.feed.BeatAt(at))
	if stats := w.verifier.Stats(); stats.FeedFresh || stats.FeedAge < 6*time.Second {
		t.Errorf("%+v", stats)
	}
}
