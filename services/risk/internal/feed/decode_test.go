package feed

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/services/risk/internal/flow"
	"github.com/doorward/doorward/services/risk/internal/history"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var key = []byte(strings.Repeat("k", accountKeyLen))

func event(t testing.TB, body proto.Message) bus.Event {
	t.Helper()
	data, err := proto.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return bus.Event{ID: "evt_1", User: "usr_1", UserVersion: 4, Data: data}
}

func goodSignIn() *eventv1.SignInSucceeded {
	return &eventv1.SignInSucceeded{
		UserId: "usr_1", SessionId: "ses_1", Ip: "::ffff:192.0.2.1", SignedInAt: timestamppb.New(noon), AccountKey: key, DecisionId: "dec_1",
	}
}

func goodFailure() *eventv1.SignInFailed {
	return &eventv1.SignInFailed{AccountKey: key, Ip: "2001:db8::1", Factor: "password", FailedAt: timestamppb.New(noon), DecisionId: "dec_1"}
}

func TestSignInIsRead(t *testing.T) {
	got, err := signedIn(event(t, goodSignIn()))
	want := flow.SignedIn{
		EventID: "evt_1", UserID: "usr_1", UserVersion: 4, SessionID: "ses_1", At: noon, IP: netip.MustParseAddr("192.0.2.1"),
		Account: history.Account(key), DecisionID: "dec_1",
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestAFailureOnAKnownDeviceCountsApart(t *testing.T) {
	body := goodFailure()
	body.KnownDevice = true
	if try, _, err := failed(event(t, body)); err != nil || !try.Known {
		t.Errorf("%+v, %v", try, err)
	}
}

func TestFailureIsKnownByItsDecisionOrElseByItsEvent(t *testing.T) {
	for want, decision := range map[string]string{"dec_1": "dec_1", "evt_1": ""} {
		body := goodFailure()
		body.DecisionId = decision
		try, at, err := failed(event(t, body))
		if err != nil || try.Ref != want || !at.Equal(noon) || try.Account != history.Account(key) || try.IP != netip.MustParseAddr("2001:db8::1") {
			t.Errorf("with decision %q: %+v, %v, %v", decision, try, at, err)
		}
	}
}

func TestMalformedSignInsAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*bus.Event, *eventv1.SignInSucceeded){
		"no user":             func(_ *bus.Event, b *eventv1.SignInSucceeded) { b.UserId = "" },
		"another user":        func(_ *bus.Event, b *eventv1.SignInSucceeded) { b.UserId = "usr_2" },
		"overlong user":       func(e *bus.Event, b *eventv1.SignInSucceeded) { b.UserId = strings.Repeat("u", 65); e.User = b.UserId },
		"no version":          func(e *bus.Event, _ *eventv1.SignInSucceeded) { e.UserVersion = 0 },
		"no session":          func(_ *bus.Event, b *eventv1.SignInSucceeded) { b.SessionId = "" },
		"overlong session":    func(_ *bus.Event, b *eventv1.SignInSucceeded) { b.SessionId = strings.Repeat("s", 65) },
		"no address":          func(_ *bus.Event, b *eventv1.SignInSucceeded) { b.Ip = "" },
		"bad address":         func(_ *bus.Event, b *eventv1.SignInSucceeded) { b.Ip = "192.0.2.256" },
		"no time":             func(_ *bus.Event, b *eventv1.SignInSucceeded) { b.SignedInAt = nil },
		"impossible time":     func(_ *bus.Event, b *eventv1.SignInSucceeded) { b.SignedInAt.Nanos = -1 },
		"short account key":   func(_ *bus.Event, b *eventv1.SignInSucceeded) { b.AccountKey = key[1:] },
		"overlong decision":   func(_ *bus.Event, b *eventv1.SignInSucceeded) { b.DecisionId = strings.Repeat("d", 65) },
		"everything is empty": func(_ *bus.Event, b *eventv1.SignInSucceeded) { proto.Reset(b) },
	} {
		t.Run(name, func(t *testing.T) {
			body := goodSignIn()
			e := bus.Event{User: "usr_1", UserVersion: 4}
			spoil(&e, body)
			e.Data = event(t, body).Data
			if _, err := signedIn(e); !errors.Is(err, errMalformed) {
				t.Errorf("signedIn = %v, want errMalformed", err)
			}
		})
	}
	e := event(t, goodSignIn())
	e.Data = e.Data[:len(e.Data)-1]
	if _, err := signedIn(e); !errors.Is(err, errMalformed) {
		t.Errorf("a cut body: %v, want errMalformed", err)
	}
}

func TestMalformedContainmentsAndFailuresAreRefused(t *testing.T) {
	other := event(t, &eventv1.SessionContained{UserId: "usr_2", EndedSessionIds: []string{"ses_1"}})
	if _, err := contained(other); !errors.Is(err, errMalformed) {
		t.Errorf("containment of another user: %v, want errMalformed", err)
	}
	for name, spoil := range map[string]func(*eventv1.SignInFailed){
		"no address":        func(b *eventv1.SignInFailed) { b.Ip = "" },
		"no time":           func(b *eventv1.SignInFailed) { b.FailedAt = nil },
		"long account key":  func(b *eventv1.SignInFailed) { b.AccountKey = append(b.AccountKey, 'k') },
		"overlong decision": func(b *eventv1.SignInFailed) { b.DecisionId = strings.Repeat("d", 65) },
	} {
		body := goodFailure()
		spoil(body)
		if _, _, err := failed(event(t, body)); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v, want errMalformed", name, err)
		}
	}
}

// Whatever comes, a decoder answers with something whole or refuses, and never panics.
func FuzzDecode(f *testing.F) {
	f.Add(event(f, goodSignIn()).Data, "usr_1", uint64(1))
	f.Add(event(f, goodFailure()).Data, "", uint64(0))
	f.Add(event(f, &eventv1.SessionContained{UserId: "usr_1", EndedSessionIds: []string{"ses_1"}}).Data, "usr_1", uint64(9))
	f.Fuzz(func(t *testing.T, data []byte, user string, version uint64) {
		e := bus.Event{ID: "evt_1", User: user, UserVersion: version, Data: data}
		if s, err := signedIn(e); err == nil && (s.UserID == "" || s.UserVersion == 0 || s.SessionID == "" || !s.IP.IsValid() || len(s.Account) != accountKeyLen) {
			t.Errorf("half a sign-in passed: %+v", s)
		}
		if try, _, err := failed(e); err == nil && (try.Ref == "" || !try.IP.IsValid() || len(try.Account) != accountKeyLen) {
			t.Errorf("half a failure passed: %+v", try)
		}
		if _, err := contained(e); err == nil && (user == "" || version == 0) {
			t.Error("a containment of nobody passed")
		}
	})
}
