package intake_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/services/notify/internal/intake"
)

func event(subject string, data []byte) bus.Event {
	return bus.Event{ID: "evt_1", Type: bus.TypeOf(subject), Source: "authn", Subject: subject, Time: time.Now(), Data: data}
}

// TestMalformedMessagesAreFinal has messages that no repetition makes whole. None reaches a flow: the intake here has none.
func TestMalformedMessagesAreFinal(t *testing.T) {
	i := intake.New(intake.Config{Now: time.Now})
	now := timestamppb.Now()
	tests := map[string]struct {
		subject string
		body    proto.Message
	}{
		"an unknown type":             {"doorward.event.authn.user.signed_up", &eventv1.UserSignedUp{}},
		"a sign-in without a user":    {intake.SubjectNewDevice, &eventv1.SignInNewDevice{SessionId: "ses_1", SignedInAt: now}},
		"a sign-in without a session": {intake.SubjectNewDevice, &eventv1.SignInNewDevice{UserId: "usr_1", SignedInAt: now}},
		"a sign-in without a time":    {intake.SubjectNewDevice, &eventv1.SignInNewDevice{UserId: "usr_1", SessionId: "ses_1"}},
		"a sign-in at an impossible time": {intake.SubjectNewDevice, &eventv1.SignInNewDevice{
			UserId: "usr_1", SessionId: "ses_1", SignedInAt: &timestamppb.Timestamp{Seconds: 1 << 60}}},
		"a containment without a sign-in": {intake.SubjectContained, &eventv1.SessionContained{UserId: "usr_1", ContainedAt: now, SignedInAt: now}},
		"a containment without a time":    {intake.SubjectContained, &eventv1.SessionContained{UserId: "usr_1", SigninEventId: "evt_0", SignedInAt: now}},
		"a right password of nobody":      {intake.SubjectAbandoned, &eventv1.SignInAbandoned{ProvedAt: now}},
		"a right password without a time": {intake.SubjectAbandoned, &eventv1.SignInAbandoned{UserId: "usr_1"}},
		"a mail without an expiry":        {intake.SubjectMail, &eventv1.SealedMail{Email: "ann@example.com", Purpose: 1}},
		"a mail of an unknown purpose":    {intake.SubjectMail, &eventv1.SealedMail{Email: "ann@example.com", Purpose: 99, ExpiresAt: now}},
	}
	for name, test := range tests {
		data, err := proto.Marshal(test.body)
		if err != nil {
			t.Fatal(err)
		}
		err = i.Handle(t.Context(), event(test.subject, data))
		if !bus.IsPermanent(err) || strings.Contains(err.Error(), "example.com") {
			t.Errorf("%s: %v, want a permanent error that quotes nothing", name, err)
		}
	}
}

// TestAnAbandonedSignInThatIsToBeKeptQuietReachesNobody: the intake here has no flows.
func TestAnAbandonedSignInThatIsToBeKeptQuietReachesNobody(t *testing.T) {
	data, err := proto.Marshal(&eventv1.SignInAbandoned{UserId: "usr_1", ProvedAt: timestamppb.Now(), Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := intake.New(intake.Config{Now: time.Now}).Handle(t.Context(), event(intake.SubjectAbandoned, data)); err != nil {
		t.Error(err)
	}
}
