package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/test/load"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const ada = "ada@example.com"

// scene is a suite and a ledger that agree: Ada signed up, signed in on another device, and that session was revoked.
type scene struct {
	users    []load.User
	sessions []load.Session
	losses   []load.Loss
	stored   []*authnv1.Session
	authn    []bus.Event
	revoked  []bus.Event
	notify   []bus.Event
	delivery *notifyv1.Delivery
	dead     []*operatorv1.DeadLetter
	mails    []load.Mail
	killedAt time.Time // notify
}

func newScene() *scene {
	return &scene{
		users: []load.User{{ID: "usr_1", Email: ada}},
		sessions: []load.Session{
			{ID: "ses_1", UserID: "usr_1", Email: ada, SignUp: true},
			{ID: "ses_2", UserID: "usr_1", Email: ada, NewDevice: true, RevokedAt: noon},
		},
		stored: []*authnv1.Session{
			{Id: "ses_1", UserId: "usr_1"},
			{Id: "ses_2", UserId: "usr_1", EndedAt: timestamppb.New(noon), End: authnv1.SessionEnd_SESSION_END_REVOKED},
		},
		authn: []bus.Event{
			fact(1, "authn.user.signed_up.v1", &eventv1.UserSignedUp{UserId: "usr_1"}),
			fact(2, "authn.signin.succeeded.v1", &eventv1.SignInSucceeded{UserId: "usr_1", SessionId: "ses_1"}),
			fact(3, "authn.signin.succeeded.v1", &eventv1.SignInSucceeded{UserId: "usr_1", SessionId: "ses_2"}),
			fact(4, "authn.signin.new_device.v1", &eventv1.SignInNewDevice{UserId: "usr_1", SessionId: "ses_2"}),
			fact(6, "authn.session.revoked.v1", &eventv1.SessionRevoked{UserId: "usr_1", SessionId: "ses_2"}),
		},
		revoked: []bus.Event{
			{ID: "evt_5", Subject: "doorward.revocation.session.ses_2", User: "usr_1", UserVersion: 5},
			{ID: "evt_beat", Subject: bus.SubjectHeartbeat},
		},
		notify:   []bus.Event{settled("dlv_1")},
		delivery: &notifyv1.Delivery{Id: "dlv_1", EventId: "evt_4", Kind: kindNewDevice, Email: ada, State: notifyv1.DeliveryState_DELIVERY_STATE_ACCEPTED},
		mails:    []load.Mail{{MessageID: "dlv_1@localhost", To: ada, Received: noon}},
	}
}

func fact(version uint64, kind string, body proto.Message) bus.Event {
	data, err := proto.Marshal(body)
	if err != nil {
		panic(err) // a message of ours encodes
	}
	return bus.Event{ID: fmt.Sprint("evt_", version), Type: kind, User: "usr_1", UserVersion: version, Data: data}
}

func settled(delivery string) bus.Event {
	e := fact(0, "notify.delivery.settled.v1", &eventv1.DeliverySettled{DeliveryId: delivery})
	e.ID, e.User = "evt_"+delivery, ""
	return e
}

func (s *scene) compare() (Faults, Figures) {
	e := &Evidence{
		ledger: load.LedgerOf(s.users, s.sessions, s.losses),
		stored: stored{sessions: map[string][]*authnv1.Session{}, emails: map[string]string{}},
		told:   told{authn: s.authn, revocations: s.revoked, notify: s.notify},
		dead:   s.dead, deliveries: map[string]*notifyv1.Delivery{},
		interrupted: func(from, to time.Time) bool { return !s.killedAt.Before(from) && !s.killedAt.After(to) },
	}
	for _, session := range s.stored {
		e.stored.sessions[session.GetUserId()] = append(e.stored.sessions[session.GetUserId()], session)
		e.stored.emails[session.GetUserId()] = ada
	}
	if s.delivery != nil {
		e.deliveries[s.delivery.GetId()] = s.delivery
	}
	return e.Compare(s.mails)
}

func TestASuiteThatAgreesHasNoFault(t *testing.T) {
	again := func(s *scene) { s.authn = append(s.authn, s.authn[2]) } // republished after a crash
	for name, change := range map[string]func(*scene){
		"as it should be":          func(*scene) {},
		"an event that came twice": again,
		"a revocation without an answer that happened": func(s *scene) {
			s.sessions[1].RevokedAt, s.sessions[1].MaybeRevoked = time.Time{}, true
		},
		"a sign-in without an answer that happened": func(s *scene) {
			s.sessions = s.sessions[1:]
			s.losses = []load.Loss{{Kind: load.SignIn, Outcome: load.Unknown, Email: ada}}
		},
		"a sign-up without an answer that happened": func(s *scene) {
			s.users, s.sessions = nil, s.sessions[1:]
			s.losses = []load.Loss{{Kind: load.SignUp, Outcome: load.Unknown, Email: ada}}
		},
		"an alert that came twice because notify was killed": func(s *scene) {
			s.mails = append(s.mails, load.Mail{MessageID: "dlv_1@localhost", To: ada, Received: noon.Add(time.Minute)})
			s.killedAt = noon.Add(100 * time.Millisecond)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			change(s)
			if faults, _ := s.compare(); len(faults) > 0 {
				t.Errorf("faults: %v", faults)
			}
		})
	}
}

// TestEveryLossIsFound takes away, changes or adds one thing after another: a comparison that finds nothing shows nothing.
func TestEveryLossIsFound(t *testing.T) {
	for want, change := range map[string]func(*scene){
		"user usr_1 (ada@example.com), acknowledged":     func(s *scene) { s.stored = nil },
		"session ses_1 of ada@example.com, acknowledged": func(s *scene) { s.stored = s.stored[1:] },
		"revoked with an answer":                         func(s *scene) { s.stored[1].EndedAt, s.stored[1].End = nil, 0 },
		"nobody asked for it":                            func(s *scene) { s.stored[0].EndedAt = timestamppb.New(noon) },
		"1 sessions more":                                func(s *scene) { s.sessions = s.sessions[:1] },
		"nobody answered a sign-up":                      func(s *scene) { s.users = nil },
		"0 events of the sign-up":                        func(s *scene) { s.authn = s.authn[1:] },
		"session ses_1 of usr_1 has 0 events":            func(s *scene) { s.authn = append(s.authn[:1:1], s.authn[2:]...) },
		"has 0 events of its new device":                 func(s *scene) { s.authn = append(s.authn[:3:3], s.authn[4]) },
		"has 0 events of its end":                        func(s *scene) { s.authn = s.authn[:4] },
		"isn't in the stream of revocations":             func(s *scene) { s.revoked = s.revoked[1:] },
		"none of version 5: one is lost":                 func(s *scene) { s.revoked = s.revoked[1:] },
		"has version 2, after one of version 3":          func(s *scene) { s.authn[1], s.authn[2] = s.authn[2], s.authn[1] },
		"are both of version 2":                          func(s *scene) { s.authn[2].UserVersion = 2 },
		"known device has 1 events of a new":             func(s *scene) { s.sessions[1].NewDevice = false },
		"has 2 events of its beginning": func(s *scene) {
			s.authn = append(s.authn, fact(7, "authn.signin.succeeded.v1", &eventv1.SignInSucceeded{UserId: "usr_1", SessionId: "ses_2"}))
		},
		"the beginning of session ses_3 is told": func(s *scene) {
			s.authn = append(s.authn, fact(7, "authn.signin.succeeded.v1", &eventv1.SignInSucceeded{UserId: "usr_1", SessionId: "ses_3"}))
		},
		"the sign-up of user usr_2 is told": func(s *scene) {
			s.authn = append(s.authn, fact(7, "authn.user.signed_up.v1", &eventv1.UserSignedUp{UserId: "usr_2"}))
		},
		"is active, and its end is told": func(s *scene) {
			s.authn = append(s.authn, fact(7, "authn.session.revoked.v1", &eventv1.SessionRevoked{SessionId: "ses_1"}))
		},
		"was accepted, and no event tells it":    func(s *scene) { s.notify = nil },
		"on a new device is 0 deliveries":        func(s *scene) { s.delivery = nil },
		"is DELIVERY_STATE_QUEUED after 3 tries": func(s *scene) { s.delivery.State, s.delivery.Tries = notifyv1.DeliveryState_DELIVERY_STATE_QUEUED, 3 },
		"tells of sign-in evt_9":                 func(s *scene) { s.delivery.EventId = "evt_9" },
		"didn't arrive":                          func(s *scene) { s.mails = nil },
		"went to bob@example.com":                func(s *scene) { s.delivery.Email = "bob@example.com" },
		"arrived at bob@example.com":             func(s *scene) { s.mails[0].To = "bob@example.com" },
		"no delivery is dlv_9":                   func(s *scene) { s.mails[0].MessageID = "dlv_9@localhost" },
		"notify wasn't interrupted at the first": func(s *scene) {
			s.mails = append(s.mails, load.Mail{MessageID: "dlv_1@localhost", To: ada, Received: noon.Add(time.Minute)})
			s.killedAt = noon.Add(30 * time.Second) // long after the first was answered
		},
		"a dead letter of mail.send.v1": func(s *scene) { s.dead = []*operatorv1.DeadLetter{{Type: "mail.send.v1"}} },
	} {
		t.Run(want, func(t *testing.T) {
			s := newScene()
			change(s)
			if faults, _ := s.compare(); !slices.ContainsFunc(faults, func(f Fault) bool { return strings.Contains(f.Text, want) }) {
				t.Errorf("found %v", faults)
			}
		})
	}
}

// TestOnlyWhatMayComeIsWaitedFor: a mail that is missing may come, one that came twice stays so.
func TestOnlyWhatMayComeIsWaitedFor(t *testing.T) {
	missing, twice := newScene(), newScene()
	missing.mails = nil
	if faults, _ := missing.compare(); !faults.Wait() {
		t.Errorf("a missing mail isn't waited for: %v", faults)
	}
	twice.mails = append(twice.mails, load.Mail{MessageID: "dlv_1@localhost", To: ada, Received: noon.Add(time.Minute)})
	if faults, _ := twice.compare(); len(faults) == 0 || faults.Wait() {
		t.Errorf("a mail that came twice is waited for: %v", faults)
	}
}
