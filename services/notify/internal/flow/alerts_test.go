package flow_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/flow"
	"github.com/doorward/doorward/services/notify/internal/mail"
)

func nobody() {}

func TestAnAlertGoesToEachRecipientOnce(t *testing.T) {
	w := newWorld(t)
	w.authn.answers(nil, recipient("ann@example.com"), recipient("ANN@example.com"), recipient("old@example.com"))
	woken := 0
	alerts := flow.NewAlerts(w.Deps, func() { woken++ })
	w.must(alerts.NewDevice(t.Context(), "evt_1", signIn()))
	w.must(alerts.NewDevice(t.Context(), "evt_1", signIn()))
	if got := len(w.deliveries()); got != 2 {
		t.Errorf("%d deliveries, want one for each of two addresses", got)
	}
	if w.authn.times() != 1 || woken != 1 {
		t.Errorf("an event that came again asked authn %d times and woke the sender %d times", w.authn.times(), woken)
	}
}

func TestParallelHandlersOfOneEventQueueOnce(t *testing.T) {
	w := newWorld(t)
	w.authn.answers(nil, recipient("ann@example.com"))
	alerts := flow.NewAlerts(w.Deps, nobody)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := alerts.NewDevice(t.Context(), "evt_1", signIn()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w.only()
}

func TestAnEventIsNotHandledUntilAuthnAnswers(t *testing.T) {
	w := newWorld(t)
	alerts := flow.NewAlerts(w.Deps, nobody)
	w.authn.answers(fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE, "down"))
	if err := alerts.NewDevice(t.Context(), "evt_1", signIn()); err == nil || errors.Is(err, flow.ErrFinal) {
		t.Errorf("authn is down: %v, want an error that is worth a repetition", err)
	}
	w.authn.answers(fault.New(fault.NotFound, typev1.Reason_REASON_NOT_FOUND, "no"))
	if err := alerts.NewDevice(t.Context(), "evt_1", signIn()); !errors.Is(err, flow.ErrFinal) {
		t.Errorf("authn doesn't know the event: %v, want ErrFinal", err)
	}
	w.authn.answers(nil, recipient("ann@example.com"))
	w.must(alerts.NewDevice(t.Context(), "evt_1", signIn()))
	w.only()
}

// alerted queues an alert for one address and returns its recipient.
func (w *world) alerted(eventID string) flow.Recipient {
	w.Helper()
	to := recipient("ann@example.com")
	w.authn.answers(nil, to)
	w.must(flow.NewAlerts(w.Deps, nobody).NewDevice(w.Context(), eventID, signIn()))
	return to
}

func TestAnAlertCarriesTheLinkThatIsStoredNowhere(t *testing.T) {
	w := newWorld(t)
	to := w.alerted("evt_1")
	w.sending(flow.NewOutgoing(w.Deps))
	w.eventually("accepted", func() bool { return w.only().State == alert.Accepted })
	d := w.only()
	sent := w.smtp.accepted()
	link := portalURL + "/contain/" + d.ID + "/" + to.ContainToken.Reveal()
	if len(sent) != 1 || !strings.Contains(sent[0].Text, link) || !strings.Contains(sent[0].HTML, link) {
		t.Fatalf("sent %d mails; the link isn't in the mail", len(sent))
	}
	if sent[0].To != "ann@example.com" || sent[0].ID != d.ID || !strings.Contains(sent[0].Text, "192.0.2.7") {
		t.Errorf("the mail: to %q, id %q\n%s", sent[0].To, sent[0].ID, sent[0].Text)
	}
	if w.settled()[d.ID] != "accepted" || d.Tries != 1 {
		t.Errorf("settled %v after %d tries", w.settled(), d.Tries)
	}
	w.absent(to.ContainToken.Reveal(), "ann@example.com")
	w.notStored(to.ContainToken.Reveal())
}

func TestAnAddressThatMayNotAnswerGetsAnAlertWithoutALink(t *testing.T) {
	w := newWorld(t)
	w.authn.answers(nil, flow.Recipient{Email: "new@example.com"})
	w.must(flow.NewAlerts(w.Deps, nobody).NewDevice(t.Context(), "evt_1", signIn()))
	w.sending(flow.NewOutgoing(w.Deps))
	w.eventually("accepted", func() bool { return w.only().State == alert.Accepted })
	if sent := w.smtp.accepted(); strings.Contains(sent[0].Text, "/contain/") {
		t.Errorf("the mail has a link:\n%s", sent[0].Text)
	}
	if !w.only().Token.IsZero() {
		t.Error("a token's digest is kept where there was no token")
	}
}

func TestAlertIsTriedAgainUntilTheServerTakesIt(t *testing.T) {
	w := newWorld(t)
	w.smtp.answers(down)
	w.alerted("evt_1")
	o := flow.NewOutgoing(w.Deps)
	w.sending(o)
	for try := 1; try <= 3; try++ {
		w.eventually("a failed try", func() bool { d := w.only(); return d.Tries == try && d.State == alert.Queued })
		if try == 3 {
			w.smtp.answers(nil)
		}
		w.clock.advance(time.Hour)
		o.Wake()
	}
	w.eventually("accepted", func() bool { return w.only().State == alert.Accepted })
	if len(w.smtp.accepted()) != 1 || w.only().LastError != "" {
		t.Errorf("%d mails, last error %q", len(w.smtp.accepted()), w.only().LastError)
	}
}

func TestAlertWaitsForItsNextTry(t *testing.T) {
	w := newWorld(t)
	w.smtp.answers(down)
	w.alerted("evt_1")
	o := flow.NewOutgoing(w.Deps)
	w.sending(o)
	w.eventually("a failed try", func() bool { d := w.only(); return d.Tries == 1 && d.State == alert.Queued })
	d := w.only()
	if !d.NextTryAt.After(w.clock.now()) || d.LastError != errDown.Error() {
		t.Errorf("next try %v, last error %q", d.NextTryAt, d.LastError)
	}
}

func TestRefusedAlertFailsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.smtp.answers(refused)
	w.alerted("evt_1")
	w.sending(flow.NewOutgoing(w.Deps))
	w.eventually("failed", func() bool { return w.only().State == alert.Failed })
	if d := w.only(); w.settled()[d.ID] != "failed" || d.Tries != 1 || !strings.Contains(d.LastError, "550") {
		t.Errorf("settled %v after %d tries: %q", w.settled(), d.Tries, d.LastError)
	}
	w.eventually("an error in the log: nobody was told", func() bool { return strings.Contains(w.log.String(), "level=ERROR") })
}

func TestAuthnDownPutsTheAlertOffAndUnnamedDropsIt(t *testing.T) {
	w := newWorld(t)
	w.alerted("evt_1")
	w.authn.answers(fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE, "down"))
	o := flow.NewOutgoing(w.Deps)
	w.sending(o)
	w.eventually("put off", func() bool { d := w.only(); return d.Tries == 1 && d.State == alert.Queued })
	w.authn.answers(nil, recipient("bob@example.com"))
	w.clock.advance(time.Hour)
	o.Wake()
	w.eventually("dropped", func() bool { return w.only().State == alert.Dropped })
	if len(w.smtp.accepted()) != 0 {
		t.Error("an address that authn doesn't name got a mail")
	}
}

// An authn that was restored from a backup doesn't know what it published since.
func TestAnAlertThatAuthnHasForgottenIsSentWithoutALink(t *testing.T) {
	w := newWorld(t)
	w.alerted("evt_1")
	w.authn.answers(fault.New(fault.NotFound, typev1.Reason_REASON_NOT_FOUND, "no such event"))
	w.sending(flow.NewOutgoing(w.Deps))
	w.eventually("accepted", func() bool { return w.only().State == alert.Accepted })
	sent := w.smtp.accepted()
	if len(sent) != 1 || strings.Contains(sent[0].Text+sent[0].HTML, "/contain/") {
		t.Errorf("%d mails, or one with a link that authn can't honour", len(sent))
	}
}

// TestCrashInTheMiddleOfATrySendsOnceMore is the one duplicate there can be.
func TestCrashInTheMiddleOfATrySendsOnceMore(t *testing.T) {
	w := newWorld(t)
	w.alerted("evt_1")
	handed, release := make(chan struct{}), make(chan struct{})
	w.smtp.answers(func(context.Context, mail.Message) error {
		close(handed)
		<-release
		return nil
	})
	o := flow.NewOutgoing(w.Deps)
	dying := w.sending(o)
	<-handed
	if d := w.only(); d.State != alert.Sending {
		t.Fatalf("the mail server has it, and the delivery is %s", d.State)
	}
	// The process dies here: the server takes the mail, and the record of it finds no store.
	w.must(w.bolt.Close())
	close(release)
	w.smtp.answers(nil)
	dying()
	w.bolt = nil
	w.open()

	w.sending(flow.NewOutgoing(w.Deps))
	w.eventually("accepted", func() bool { return w.only().State == alert.Accepted })
	sent := w.smtp.accepted()
	if len(sent) != 2 || sent[0].ID != sent[1].ID {
		t.Errorf("%d mails; want two of one Message-ID", len(sent))
	}
}

func TestAcceptedIsNeverSentAgain(t *testing.T) {
	w := newWorld(t)
	w.alerted("evt_1")
	stop := w.sending(flow.NewOutgoing(w.Deps))
	w.eventually("accepted", func() bool { return w.only().State == alert.Accepted })
	stop()
	w.open()
	w.must(flow.NewAlerts(w.Deps, nobody).NewDevice(t.Context(), "evt_1", signIn()))
	// A second alert behind it shows that the queue was worked.
	w.alerted("evt_2")
	w.sending(flow.NewOutgoing(w.Deps))
	w.eventually("the second accepted", func() bool { return len(w.smtp.accepted()) >= 2 })
	if d := w.of("evt_1"); len(w.smtp.accepted()) != 2 || d.Tries != 1 {
		t.Errorf("%d mails, the first tried %d times", len(w.smtp.accepted()), d.Tries)
	}
}

func TestFewMailsAreWithTheServerAtOnce(t *testing.T) {
	w := newWorld(t)
	const alerts = 12
	for n := range alerts {
		w.alerted("evt_" + string(rune('a'+n)))
	}
	var mu sync.Mutex
	now, most := 0, 0
	gate := make(chan struct{})
	w.smtp.answers(func(context.Context, mail.Message) error {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		<-gate
		mu.Lock()
		now--
		mu.Unlock()
		return nil
	})
	w.sending(flow.NewOutgoing(w.Deps))
	w.eventually("four at once", func() bool { mu.Lock(); defer mu.Unlock(); return now == 4 })
	for range alerts {
		gate <- struct{}{}
	}
	w.eventually("all accepted", func() bool { return len(w.smtp.accepted()) == alerts })
	if most != 4 {
		t.Errorf("%d at once, want 4", most)
	}
}

func TestConfirmationShowsWhatTheAlertShowed(t *testing.T) {
	w := newWorld(t)
	w.alerted("evt_1")
	what := alert.Containment{SignInEventID: "evt_1", At: noon.Add(time.Minute), Sessions: 2, Devices: 1}
	bare := alert.SignIn{UserID: "usr_1", At: noon}
	alerts := flow.NewAlerts(w.Deps, nobody)
	w.must(alerts.Contained(t.Context(), "evt_2", bare, what))
	what.SignInEventID = "evt_unknown"
	w.must(alerts.Contained(t.Context(), "evt_3", bare, what))
	w.sending(flow.NewOutgoing(w.Deps))
	w.eventually("all accepted", func() bool { return len(w.settled()) == 3 })
	var told, untold int
	for _, m := range w.smtp.accepted() {
		switch {
		case !strings.Contains(m.Text, "2 sessions were signed out"):
		case strings.Contains(m.Text, "Portugal"):
			told++
		default:
			untold++
		}
	}
	if told != 1 || untold != 1 {
		t.Errorf("%d confirmations with the sign-in's place, %d without; want 1 and 1", told, untold)
	}
}

// TestAlertsAreNeverCapped: strangers can't cause them, or not without the right password, and each tells something that its owner must know. A notice that an
// unauthenticated caller caused, and that used up its cap, doesn't change that.
func TestAlertsAreNeverCapped(t *testing.T) {
	for kind, tell := range map[alert.Kind]func(*flow.Alerts, context.Context, string) error{
		alert.NewDevice: func(f *flow.Alerts, ctx context.Context, id string) error { return f.NewDevice(ctx, id, signIn()) },
		alert.Abandoned: func(f *flow.Alerts, ctx context.Context, id string) error { return f.Abandoned(ctx, id, signIn()) },
		alert.Contained: func(f *flow.Alerts, ctx context.Context, id string) error {
			return f.Contained(ctx, id, signIn(), alert.Containment{SignInEventID: "evt_0", At: noon})
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.authn.answers(nil, recipient("ann@example.com"))
			mails, alerts := flow.NewMails(w.Deps), flow.NewAlerts(w.Deps, nobody)
			w.must(mails.Send(t.Context(), notice("evt_a")))
			w.must(mails.Send(t.Context(), notice("evt_b")))
			const events = 12
			for n := range events {
				w.must(tell(alerts, t.Context(), fmt.Sprint("evt_", n)))
			}
			w.sending(flow.NewOutgoing(w.Deps))
			w.eventually("one notice and all alerts are accepted", func() bool { return len(w.smtp.accepted()) == 1+events })
		})
	}
}

func TestAnAbandonedSignInIsToldToEachAddressOnceAndWithoutALink(t *testing.T) {
	w := newWorld(t)
	w.authn.answers(nil, recipient("ann@example.com"), recipient("old@example.com"))
	alerts := flow.NewAlerts(w.Deps, nobody)
	w.must(alerts.Abandoned(t.Context(), "evt_1", signIn()))
	w.must(alerts.Abandoned(t.Context(), "evt_1", signIn()))
	w.sending(flow.NewOutgoing(w.Deps))
	w.eventually("all accepted", func() bool { return len(w.settled()) == 2 })
	for _, m := range w.smtp.accepted() {
		if !strings.Contains(m.Text, "the right password") || !strings.Contains(m.Text, "Portugal") || strings.Contains(m.Text, portalURL) {
			t.Errorf("the mail reads:\n%s", m.Text)
		}
	}
}
