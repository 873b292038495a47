package reconcile

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	"github.com/doorward/doorward/internal/bus"
)

// facts are the events that tell of users and sessions: event ids by what they are about.
type facts struct {
	signedUp  map[string][]string // by user
	began     map[string][]string // by session
	newDevice map[string][]string // by session
	revoked   map[string][]string // by session
	refused   map[string]bool     // sessions in the stream of revocations
	settled   map[string]bool     // deliveries
}

// compareEvents: what is in the store is told, once, and what is told is in the store.
func (e *Evidence) compareEvents(f *Faults, figures *Figures) {
	known := e.facts(f, figures)
	for user := range e.stored.sessions {
		exactlyOne(f, known.signedUp[user], "user %s (%s) has %d events of the sign-up", user, e.stored.emails[user])
		delete(known.signedUp, user)
	}
	for _, sessions := range e.stored.sessions {
		for _, s := range sessions {
			figures.Sessions++
			exactlyOne(f, known.began[s.GetId()], "session %s of %s has %d events of its beginning", s.GetId(), s.GetUserId())
			delete(known.began, s.GetId())
			e.compareEnd(f, known, s)
		}
	}
	for user := range known.signedUp {
		f.wrong("the sign-up of user %s is told, and the user isn't there", user)
	}
	for session := range known.began {
		f.wrong("the beginning of session %s is told, and the session isn't there", session)
	}
	for _, s := range e.ledger.Sessions() {
		switch n := len(known.newDevice[s.ID]); {
		case s.NewDevice:
			exactlyOne(f, known.newDevice[s.ID], "session %s of %s has %d events of its new device", s.ID, s.Email)
		case n > 0:
			f.wrong("session %s of %s on a known device has %d events of a new one", s.ID, s.Email, n)
		}
		figures.Unanswered--
	}
	figures.Unanswered += figures.Sessions
	for id, d := range e.deliveries {
		if d.GetState() == notifyv1.DeliveryState_DELIVERY_STATE_ACCEPTED && !known.settled[id] {
			f.missing("delivery %s (%s) was accepted, and no event tells it", id, d.GetKind())
		}
	}
}

// compareEnd: a session that ended is told of in both streams, and one that is active in none.
func (e *Evidence) compareEnd(f *Faults, known facts, s *authnv1.Session) {
	if s.GetEndedAt() == nil {
		if len(known.revoked[s.GetId()]) > 0 || known.refused[s.GetId()] {
			f.wrong("session %s is active, and its end is told", s.GetId())
		}
		return
	}
	exactlyOne(f, known.revoked[s.GetId()], "session %s (%v) has %d events of its end", s.GetId(), s.GetEnd())
	if !known.refused[s.GetId()] {
		f.missing("session %s (%v) isn't in the stream of revocations", s.GetId(), s.GetEnd())
	}
}

func exactlyOne(f *Faults, ids []string, format string, args ...any) {
	switch args = append(args, len(ids)); len(ids) {
	case 0:
		f.missing(format, args...)
	case 1:
	default:
		f.wrong(format, args...)
	}
}

// facts reads the streams, each event once.
func (e *Evidence) facts(f *Faults, figures *Figures) facts {
	known := facts{
		signedUp: make(map[string][]string), began: make(map[string][]string), newDevice: make(map[string][]string),
		revoked: make(map[string][]string), refused: make(map[string]bool), settled: make(map[string]bool),
	}
	seen := make(map[string]bool)
	for _, event := range slices.Concat(e.told.authn, e.told.notify) {
		if seen[event.ID] {
			figures.Again++
			continue
		}
		seen[event.ID] = true
		known.take(f, event)
	}
	for _, event := range e.told.revocations {
		if session, ok := strings.CutPrefix(event.Subject, "doorward.revocation.session."); ok {
			known.refused[session] = true
		}
	}
	figures.Revocations = len(known.refused)
	return known
}

func (k facts) take(f *Faults, event bus.Event) {
	decode := func(body proto.Message) {
		if err := proto.Unmarshal(event.Data, body); err != nil {
			f.wrong("event %s (%s) can't be read: %v", event.ID, event.Type, err)
		}
	}
	switch event.Type {
	case "authn.user.signed_up.v1":
		var body eventv1.UserSignedUp
		decode(&body)
		k.signedUp[body.GetUserId()] = append(k.signedUp[body.GetUserId()], event.ID)
	case "authn.signin.succeeded.v1":
		var body eventv1.SignInSucceeded
		decode(&body)
		k.began[body.GetSessionId()] = append(k.began[body.GetSessionId()], event.ID)
	case "authn.signin.new_device.v1":
		var body eventv1.SignInNewDevice
		decode(&body)
		k.newDevice[body.GetSessionId()] = append(k.newDevice[body.GetSessionId()], event.ID)
	case "authn.session.revoked.v1":
		var body eventv1.SessionRevoked
		decode(&body)
		k.revoked[body.GetSessionId()] = append(k.revoked[body.GetSessionId()], event.ID)
	case "notify.delivery.settled.v1":
		var body eventv1.DeliverySettled
		decode(&body)
		k.settled[body.GetDeliveryId()] = true
	}
}

// compareOrder: the first appearances of each user's events are in the order of their versions within a stream, and over both of authn's streams no
// version is missing.
func (e *Evidence) compareOrder(f *Faults) {
	versions := make(map[string]map[uint64]string) // event ids
	for _, stream := range [][]bus.Event{e.told.authn, e.told.revocations} {
		last := make(map[string]uint64)
		for _, event := range stream {
			if event.User == "" {
				continue
			}
			of := versions[event.User]
			if of == nil {
				of = make(map[uint64]string)
				versions[event.User] = of
			}
			id, again := of[event.UserVersion]
			if again && id == event.ID {
				continue
			}
			if again {
				f.wrong("events %s and %s of user %s are both of version %d", id, event.ID, event.User, event.UserVersion)
			}
			if event.UserVersion < last[event.User] {
				f.wrong("event %s (%s) of user %s has version %d, after one of version %d", event.ID, event.Type, event.User, event.UserVersion, last[event.User])
			}
			of[event.UserVersion] = event.ID
			last[event.User] = max(last[event.User], event.UserVersion)
		}
	}
	for user, of := range versions {
		for version := range uint64(len(of)) {
			if _, ok := of[version+1]; !ok {
				f.missing("user %s has %d events, and none of version %d: one is lost", user, len(of), version+1)
				break
			}
		}
	}
}

func clock(at time.Time) string { return at.Local().Format("15:04:05.000") }
