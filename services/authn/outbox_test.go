package authn_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/bus"
)

// nextBeat is the moment that the next heartbeat on the feed speaks of; false when none comes within the patience.
func nextBeat(t *testing.T, feed <-chan jetstream.Msg, patience time.Duration) (time.Time, bool) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case m := <-feed:
			var beat eventv1.RevocationHeartbeat
			if m.Subject() != bus.SubjectHeartbeat {
				continue
			}
			if err := proto.Unmarshal(m.Data(), &beat); err != nil {
				t.Fatal(err)
			}
			return beat.GetDrainedAt().AsTime(), true
		case <-timer.C:
			return time.Time{}, false
		}
	}
}

// TestHeartbeatStopsWhileTheOutboxIsStuck: the feed may look fresh only while everything that was committed is in it.
func TestHeartbeatStopsWhileTheOutboxIsStuck(t *testing.T) {
	w := newWorld(t)
	feed, app := w.nats.feed(), w.application()
	for range 2 {
		if _, ok := nextBeat(t, feed, 20*time.Second); !ok {
			t.Fatal("no heartbeat though nothing waits")
		}
	}

	// The stream of mails takes nothing more, so a mail stays in the outbox.
	operator := w.nats.as(bus.Operator).JetStream()
	stream, err := operator.Stream(t.Context(), bus.StreamMail)
	w.must(err)
	full := stream.CachedInfo().Config
	full.MaxBytes, full.Discard = 1, jetstream.DiscardNew
	_, err = operator.UpdateStream(t.Context(), full)
	w.must(err)
	x := app.startSignUp(laptop(), "ada@example.org")
	x.at(authnv1.Step_STEP_EMAIL_VERIFICATION, x.newPassword(ownersPassword))
	w.must(x.prepare())
	stuck := w.clock.now()

	w.eventually("the mail is stuck for three seconds", func() bool { return w.metric("doorward_outbox_oldest_seconds") > 3 })
	for {
		at, ok := nextBeat(t, feed, 100*time.Millisecond)
		if !ok {
			break
		}
		if at.After(stuck) {
			t.Fatalf("a heartbeat says that all is published %v after a mail got stuck", at.Sub(stuck))
		}
	}

	w.must(bus.Apply(t.Context(), operator, 1))
	w.eventually("the heartbeat is back", func() bool {
		at, ok := nextBeat(t, feed, time.Second)
		return ok && at.After(stuck)
	})
	x.done(x.code(w.mailbox().code("ada@example.org", eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_CODE)))
}

// TestSignInGoesOnWithoutNATS, from the start on; what happened meanwhile is told when NATS comes.
func TestSignInGoesOnWithoutNATS(t *testing.T) {
	w := prepareWorld(t)
	w.start()
	app := w.application()
	x := app.startSignUp(laptop(), "ada@example.org")
	x.at(authnv1.Step_STEP_EMAIL_VERIFICATION, x.newPassword(ownersPassword))
	w.must(x.prepare())
	w.must(w.service.Healthy(t.Context()))
	w.eventually("the outbox shows that it waits", func() bool { return w.metric("doorward_outbox_pending") == 1 })

	w.nats.start()
	mails, events := w.mailbox(), w.nats.events(bus.StreamAuthn)
	grant := x.done(x.code(mails.code("ada@example.org", eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_CODE)))
	var signedUp eventv1.UserSignedUp
	if e := await(t, events, "authn.user.signed_up.v1", &signedUp); e.User != grant.GetUserId() {
		t.Errorf("the event is about %s", e.User)
	}
}

// TestStopLosesNothing: what was answered is on disk, and what was committed is published before the process goes.
func TestStopLosesNothing(t *testing.T) {
	w := newWorld(t)
	home := laptop()
	grant := w.application().signUp(w.mailbox(), home, "ada@example.org")
	w.stop()
	var succeeded eventv1.SignInSucceeded
	await(t, w.nats.events(bus.StreamAuthn), "authn.signin.succeeded.v1", &succeeded)
	if succeeded.GetSessionId() != grant.GetSessionId() {
		t.Errorf("the event is about %s", succeeded.GetSessionId())
	}

	w.start()
	app := w.application()
	w.must(app.verify(grant.GetSessionToken()))
	if _, err := app.refresh(home, grant.GetRefreshToken()); err != nil {
		t.Errorf("refresh after a restart: %v", err)
	}
	x := app.startSignIn(home, "ada@example.org")
	x.done(x.password(ownersPassword))
}
