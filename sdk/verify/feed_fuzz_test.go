package verify

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/sdk/internal/authntest"
)

// FuzzFeed reads one message of any subject, type, source and body. Only what is authn's in every part revokes, and that alone which subject and
// body both name, unless the body says plainly that it is past; only a heartbeat of authn's with a real time makes the feed fresh.
func FuzzFeed(f *testing.F) {
	past, later := timestamppb.New(fuzzNow.Add(-time.Hour)), timestamppb.New(fuzzNow.Add(time.Minute))
	session, key, heartbeat := eventTypes[sessionKind], eventTypes[keyKind], eventTypes[heartbeatKind]
	f.Add(sessionSubject+"ses_1", session, "authn", encoded(f, &eventv1.Revocation{SessionId: "ses_1", ForgetAfter: later}))
	f.Add(sessionSubject+"ses_1", session, "authn", encoded(f, &eventv1.Revocation{SessionId: "ses_1", ForgetAfter: past}))
	f.Add(sessionSubject+"ses_1", session, "authn", encoded(f, &eventv1.Revocation{SessionId: "ses_1", ForgetAfter: &timestamppb.Timestamp{Seconds: math.MinInt64}}))
	f.Add(sessionSubject+"ses_1", session, "authn", encoded(f, &eventv1.Revocation{SessionId: "ses_2", ForgetAfter: later}))
	f.Add(sessionSubject+"ses_1", session, "risk", encoded(f, &eventv1.Revocation{SessionId: "ses_1", ForgetAfter: later}))
	f.Add(sessionSubject+"ses_1", session, "authn", []byte{})
	f.Add(sessionSubject+"ses_1", "", "", []byte{})
	f.Add(sessionSubject, session, "authn", []byte{})
	f.Add(keySubject+"key_1", key, "authn", encoded(f, &eventv1.SigningKeyRevocation{KeyId: "key_1", RevokedAt: past}))
	f.Add(keySubject+"key_1", key, "authn", encoded(f, &eventv1.SigningKeyRevocation{KeyId: "key_2", RevokedAt: past}))
	f.Add(keySubject+"key_1", session, "authn", encoded(f, &eventv1.SigningKeyRevocation{KeyId: "key_1", RevokedAt: past}))
	f.Add(keySubject, key, "authn", []byte{})
	f.Add(heartbeatSubject, heartbeat, "authn", encoded(f, &eventv1.RevocationHeartbeat{DrainedAt: timestamppb.New(fuzzNow)}))
	f.Add(heartbeatSubject, heartbeat, "", encoded(f, &eventv1.RevocationHeartbeat{DrainedAt: timestamppb.New(fuzzNow)}))
	f.Add(heartbeatSubject, heartbeat, "authn", encoded(f, &eventv1.RevocationHeartbeat{DrainedAt: &timestamppb.Timestamp{Seconds: math.MaxInt64}}))
	f.Add(heartbeatSubject, heartbeat, "authn", []byte{0xff})
	f.Fuzz(func(t *testing.T, subject, eventType, source string, body []byte) {
		header := authntest.Headers(eventType, fuzzNow)
		header["ce-source"] = []string{source}
		config := Config{
			Revocations: one{subject, header, body}, MaxRevoked: 1, Now: func() time.Time { return fuzzNow }, Logger: slog.New(slog.DiscardHandler),
		}.withDefaults()
		var keys toldKeys
		feed := newFeed(&config, func() time.Duration { return time.Minute }, &keys)
		if err := feed.read(t.Context()); err != nil {
			t.Fatal(err)
		}

		ours := func(want string) bool { return source == "authn" && eventType == want }
		sessionID, isSession := strings.CutPrefix(subject, sessionSubject)
		isSession = isSession && sessionID != ""
		believed := isSession && ours("revocation.session.v1") && names(body, sessionID)
		if got, want := feed.revoked.has(sessionID), believed && !isPast(body); got != want {
			t.Errorf("%q is revoked: %t, want %t", subject, got, want)
		}
		if got, want := feed.revoked.of(sessionID) == doubtful, isSession && !believed; got != want {
			t.Errorf("%q is in doubt: %t, want %t", subject, got, want)
		}
		keyID, isKey := strings.CutPrefix(subject, keySubject)
		if got, want := len(keys.revoked) == 1 && keys.revoked[0] == keyID, isKey && keyID != "" && ours("revocation.signing_key.v1") && namesKey(body, keyID); got != want || !got && len(keys.revoked) > 0 {
			t.Errorf("%q revoked the keys %q", subject, keys.revoked)
		}
		if feed.isFresh(fuzzNow) && (subject != heartbeatSubject || !ours("revocation.heartbeat.v1") || !isBeat(body)) {
			t.Errorf("%q with the body %x made the feed fresh", subject, body)
		}
	})
}

// toldKeys remembers what the feed told of keys.
type toldKeys struct {
	revoked []string
	doubts  int
}

func (k *toldKeys) revoke(id string) bool {
	k.revoked = append(k.revoked, id)
	return true
}

func (k *toldKeys) doubt() { k.doubts++ }

// one is a source with one message.
type one struct {
	subject string
	header  map[string][]string
	body    []byte
}

func (o one) Read(_ context.Context, _ time.Time, handle func(string, map[string][]string, []byte)) error {
	handle(o.subject, o.header, o.body)
	return nil
}

func names(body []byte, sessionID string) bool {
	var revocation eventv1.Revocation
	return proto.Unmarshal(body, &revocation) == nil && revocation.GetSessionId() == sessionID
}

func namesKey(body []byte, keyID string) bool {
	var revocation eventv1.SigningKeyRevocation
	return proto.Unmarshal(body, &revocation) == nil && revocation.GetKeyId() == keyID
}

func encoded(t testing.TB, m proto.Message) []byte {
	t.Helper()
	body, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// isPast says whether a revocation's body names a time after which it needn't be kept, and that time is over.
func isPast(body []byte) bool {
	var revocation eventv1.Revocation
	if proto.Unmarshal(body, &revocation) != nil || !revocation.GetForgetAfter().IsValid() {
		return false
	}
	return !revocation.GetForgetAfter().AsTime().Add(readMargin).After(fuzzNow)
}

func isBeat(body []byte) bool {
	var heartbeat eventv1.RevocationHeartbeat
	return proto.Unmarshal(body, &heartbeat) == nil && heartbeat.GetDrainedAt().IsValid()
}

// FuzzKeySet reads any answer to GetKeySet. What is taken over has usable keys alone, few of them, and times within bounds; what isn't leaves the
// keys as they were.
func FuzzKeySet(f *testing.F) {
	key := &authnv1.SigningKey{Id: "key_1", Algorithm: algorithm, Type: "OKP", Curve: "Ed25519", X: make([]byte, ed25519.PublicKeySize)}
	f.Add(encoded(f, &authnv1.GetKeySetResponse{Issuer: fuzzIssuer, Keys: []*authnv1.SigningKey{key}}))
	f.Add(encoded(f, &authnv1.GetKeySetResponse{Issuer: "https://evil.example", Keys: []*authnv1.SigningKey{key}}))
	f.Add(encoded(f, &authnv1.GetKeySetResponse{Issuer: fuzzIssuer}))
	f.Fuzz(func(t *testing.T, body []byte) {
		answer := new(authnv1.GetKeySetResponse)
		if proto.Unmarshal(body, answer) != nil {
			return // gRPC refuses it
		}
		keys := &keyring{source: said{answer}, issuer: fuzzIssuer, now: func() time.Time { return fuzzNow }}
		before := &keySet{}
		keys.current.Store(before)
		err := keys.fetch(t.Context())
		set := keys.current.Load()
		if err != nil {
			if set != before {
				t.Errorf("%v, and yet the keys were replaced", err)
			}
			return
		}
		if answer.GetIssuer() != fuzzIssuer || len(set.byID) == 0 || len(set.byID) > maxKeys {
			t.Errorf("%d keys of %q", len(set.byID), answer.GetIssuer())
		}
		for id, public := range set.byID {
			if id == "" || len(public) != ed25519.PublicKeySize {
				t.Errorf("key %q has %d bytes", id, len(public))
			}
		}
		if set.maxAge < minKeyAge || set.maxAge > maxKeyAge || set.tokenLife < time.Second || set.tokenLife > maxTokenLife {
			t.Errorf("maximal age %v, token life %v", set.maxAge, set.tokenLife)
		}
	})
}

// said is an authn with one answer.
type said struct{ answer *authnv1.GetKeySetResponse }

func (s said) GetKeySet(context.Context, *authnv1.GetKeySetRequest, ...grpc.CallOption) (*authnv1.GetKeySetResponse, error) {
	return s.answer, nil
}
