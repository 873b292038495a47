package bus

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/doorward/doorward/internal/outbox"
)

func sample() outbox.Row {
	return outbox.Row{
		ID: "evt_1", Subject: "doorward.event.authn.signin.succeeded", Key: "usr_1", Type: "authn.signin.succeeded.v1", Source: "authn",
		Time: time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC), UserVersion: 7, Data: []byte{1, 2},
		Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
}

func TestEventSurvivesItsHeaders(t *testing.T) {
	t.Parallel()
	m := message(sample())
	got, err := decode(m.Subject, m.Header, m.Data)
	if err != nil {
		t.Fatal(err)
	}
	want := Event{
		ID: "evt_1", Type: "authn.signin.succeeded.v1", Source: "authn", Time: sample().Time, User: "usr_1", UserVersion: 7,
		Traceparent: sample().Traceparent, Subject: sample().Subject, Data: []byte{1, 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if id := m.Header.Get(nats.MsgIdHdr); id != "evt_1" {
		t.Errorf("Nats-Msg-Id = %q, want the event's id", id)
	}
}

func TestTypeOfLeavesOutTheSessionsID(t *testing.T) {
	t.Parallel()
	for subject, want := range map[string]string{
		"doorward.event.authn.signin.succeeded":  "authn.signin.succeeded.v1",
		"doorward.event.notify.delivery.sent":    "notify.delivery.sent.v1",
		"doorward.attempt.signin.failed":         "attempt.signin.failed.v1",
		"doorward.revocation.session.ses_1":      "revocation.session.v1",
		SubjectHeartbeat:                         "revocation.heartbeat.v1",
		"doorward.command.session.contain":       "command.session.contain.v1",
		"doorward.mail.code":                     "mail.code.v1",
		"doorward.event.authn.session.contained": "authn.session.contained.v1",
	} {
		if got := TypeOf(subject); got != want {
			t.Errorf("TypeOf(%s) = %s, want %s", subject, got, want)
		}
	}
}

func TestDecodeRefusesWhatIsntOurs(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(*nats.Msg) {
		return func(m *nats.Msg) { m.Header[name] = []string{value} }
	}
	for name, spoil := range map[string]func(*nats.Msg){
		"NoHeaders":                func(m *nats.Msg) { m.Header = nil },
		"AnotherVersion":           set(headerSpecVersion, "0.3"),
		"NoID":                     set(headerID, ""),
		"AnotherContentType":       set(headerContentType, "application/json"),
		"NoTime":                   set(headerTime, ""),
		"TimeAsANumber":            set(headerTime, "1700000000"),
		"UserVersionBelowOne":      set(headerUserVersion, "0"),
		"UserVersionNotANumber":    set(headerUserVersion, "-1"),
		"TypeOfAnotherSubject":     set(headerType, "authn.signin.new_device.v1"),
		"SourceThatDoesntWrite":    set(headerSource, "notify"),
		"TwoIDs":                   func(m *nats.Msg) { m.Header[headerID] = []string{"evt_1", "evt_2"} },
		"AnEndlessID":              set(headerID, strings.Repeat("e", 1000)),
		"MovedToTheCommands":       func(m *nats.Msg) { m.Subject = "doorward.command.session.contain" },
		"ASubjectOfNoStream":       func(m *nats.Msg) { m.Subject = "weather.today" },
		"OnlyTheStreamsSubject":    func(m *nats.Msg) { m.Subject = "doorward.event.authn." },
		"ADeadLetterAsAnEvent":     func(m *nats.Msg) { m.Subject = "doorward.dead.authn.S.evt_1" },
		"HeadersInAnotherSpelling": func(m *nats.Msg) { m.Header["Ce-Id"] = m.Header[headerID]; delete(m.Header, headerID) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := message(sample())
			spoil(m)
			if e, err := decode(m.Subject, m.Header, m.Data); !errors.Is(err, ErrInvalidEvent) {
				t.Errorf("decode = %+v, %v; want ErrInvalidEvent", e, err)
			}
		})
	}
}

func TestEverySubjectHasItsStream(t *testing.T) {
	t.Parallel()
	for _, s := range Streams() {
		subject := strings.TrimSuffix(s.Subjects, ">") + "x.y"
		if got, err := StreamOf(subject); err != nil || got != s.Name {
			t.Errorf("StreamOf(%s) = %s, %v; want %s", subject, got, err, s.Name)
		}
	}
	for _, subject := range []string{"", "doorward", "doorward.", "doorward.event.portal.x", "doorward.mail", "doorward.mail."} {
		if got, err := StreamOf(subject); err == nil {
			t.Errorf("StreamOf(%q) = %s, want an error", subject, got)
		}
	}
}

// FuzzDecode holds that whatever is taken for an event can be written again and read as the same.
func FuzzDecode(f *testing.F) {
	m := message(sample())
	f.Add(m.Subject, m.Header.Get(headerID), m.Header.Get(headerType), m.Header.Get(headerSource), m.Header.Get(headerTime), "usr_1", "7", "", m.Data)
	f.Add("doorward.revocation.session.ses_1", "evt_2", "revocation.session.v1", "authn", "2026-03-01T12:00:00+02:00", "", "", "x", []byte{})
	f.Add(m.Subject, "evt_3", m.Header.Get(headerType), "authn", "9999-12-31T23:59:59-01:00", "usr_1", "7", "", []byte{})
	f.Add(m.Subject, "evt_4", m.Header.Get(headerType), "authn", "0000-01-01T00:00:00+23:59", "usr_1", "007", "", []byte{})
	f.Fuzz(func(t *testing.T, subject, id, typ, source, at, user, version, trace string, data []byte) {
		h := nats.Header{
			headerSpecVersion: {specVersion}, headerContentType: {contentType}, headerID: {id}, headerType: {typ}, headerSource: {source},
			headerTime: {at}, headerSubject: {user}, headerUserVersion: {version}, headerTraceparent: {trace},
		}
		e, err := decode(subject, h, data)
		if err != nil {
			if !errors.Is(err, ErrInvalidEvent) {
				t.Fatalf("error without a kind: %v", err)
			}
			return
		}
		if e.ID == "" || len(e.ID) > maxHeader || e.Type != TypeOf(subject) {
			t.Fatalf("took %+v", e)
		}
		again := message(outbox.Row{
			ID: e.ID, Subject: e.Subject, Key: e.User, Type: e.Type, Source: e.Source, Time: e.Time, UserVersion: e.UserVersion,
			Data: e.Data, Traceparent: e.Traceparent,
		})
		second, err := decode(again.Subject, again.Header, again.Data)
		if err != nil {
			t.Fatalf("reads %+v, but not what is written of it: %v", e, err)
		}
		if !second.Time.Equal(e.Time) {
			t.Fatalf("time %v became %v", e.Time, second.Time)
		}
		second.Time = e.Time
		if diff := cmp.Diff(e, second); diff != "" {
			t.Fatalf("event (-first +second):\n%s", diff)
		}
	})
}
