package flow_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/flow"
	"github.com/doorward/doorward/services/notify/internal/mail"
	"github.com/doorward/doorward/services/notify/internal/template"
)

const code = "048213"

func codeMail() flow.Mail {
	return flow.Mail{
		ID: "evt_1", Email: "ann@example.com", Kind: alert.Code, Purpose: template.DeviceVerification, Code: secret.Wrap(code),
		Expires: noon.Add(10 * time.Minute), Language: "en", Origin: template.Origin{IP: "192.0.2.7", Time: noon},
	}
}

func notice(id string) flow.Mail {
	m := codeMail()
	m.ID, m.Kind, m.Purpose, m.Code = id, alert.SignUpTaken, "", secret.Text{}
	return m
}

func TestACodeIsSentOnceAndKeptNowhere(t *testing.T) {
	w := newWorld(t)
	mails := flow.NewMails(w.Deps)
	w.must(mails.Send(t.Context(), codeMail()))
	w.must(mails.Send(t.Context(), codeMail()))
	sent := w.smtp.accepted()
	if len(sent) != 1 || !strings.Contains(sent[0].Text, code) {
		t.Fatalf("%d mails were sent", len(sent))
	}
	d := w.only()
	if d.State != alert.Accepted || w.settled()[d.ID] != "accepted" {
		t.Errorf("%s, settled %v", d.State, w.settled())
	}
	w.absent(code, "ann@example.com")
	w.notStored(code, "192.0.2.7")
}

func TestAFailedCodeWaitsForItsMessage(t *testing.T) {
	w := newWorld(t)
	mails := flow.NewMails(w.Deps)
	w.smtp.answers(down)
	if err := mails.Send(t.Context(), codeMail()); !errors.Is(err, errDown) || errors.Is(err, flow.ErrFinal) {
		t.Fatalf("Send = %v, want the server's failure", err)
	}
	if d := w.only(); d.State != alert.Queued || d.LastError == "" {
		t.Errorf("the delivery is %s, %q", d.State, d.LastError)
	}
	w.smtp.answers(nil)
	w.must(mails.Send(t.Context(), codeMail()))
	if d := w.only(); d.State != alert.Accepted || d.Tries != 2 {
		t.Errorf("%s after %d tries", d.State, d.Tries)
	}
	w.absent(code, "ann@example.com")
}

func TestARefusedCodeIsDoneWith(t *testing.T) {
	w := newWorld(t)
	w.smtp.answers(refused)
	w.must(flow.NewMails(w.Deps).Send(t.Context(), codeMail()))
	if d := w.only(); d.State != alert.Failed || w.settled()[d.ID] != "failed" {
		t.Errorf("%s, settled %v", d.State, w.settled())
	}
}

func TestAnExpiredCodeIsDropped(t *testing.T) {
	w := newWorld(t)
	mails := flow.NewMails(w.Deps)
	w.smtp.answers(down)
	_ = mails.Send(t.Context(), codeMail())
	w.smtp.answers(nil)
	w.clock.advance(10 * time.Minute)
	late := codeMail()
	late.Code = secret.Text{} // what is too late isn't opened
	w.must(mails.Send(t.Context(), late))
	if d := w.only(); d.State != alert.Dropped || w.settled()[d.ID] != "dropped" || len(w.smtp.accepted()) != 0 {
		t.Errorf("%s, settled %v, %d mails", d.State, w.settled(), len(w.smtp.accepted()))
	}
	fresh := late
	fresh.ID = "evt_2"
	w.must(mails.Send(t.Context(), fresh))
	if w.of("evt_2").State != alert.Dropped {
		t.Error("a mail that came too late has no record")
	}
}

// TestAMessageThatComesAgainMeanwhileIsNotSentTwice is a NATS server that restarts while the mail server takes its time.
func TestAMessageThatComesAgainMeanwhileIsNotSentTwice(t *testing.T) {
	w := newWorld(t)
	mails := flow.NewMails(w.Deps)
	var again error
	w.smtp.answers(func(ctx context.Context, _ mail.Message) error {
		w.smtp.answers(nil)
		again = mails.Send(ctx, codeMail())
		return nil
	})
	w.must(mails.Send(t.Context(), codeMail()))
	if again == nil || errors.Is(again, flow.ErrFinal) {
		t.Errorf("the second delivery ends with %v, want that it comes again", again)
	}
	w.must(mails.Send(t.Context(), codeMail()))
	if d := w.only(); d.State != alert.Accepted || d.Tries != 1 || len(w.smtp.accepted()) != 1 {
		t.Errorf("%s after %d tries, %d mails", d.State, d.Tries, len(w.smtp.accepted()))
	}
}

// TestCrashBeforeTheRecordSendsTheCodeAgain is a message that comes again while its delivery is "sending".
func TestCrashBeforeTheRecordSendsTheCodeAgain(t *testing.T) {
	w := newWorld(t)
	w.smtp.answers(func(context.Context, mail.Message) error { return w.bolt.Close() })
	if err := flow.NewMails(w.Deps).Send(t.Context(), codeMail()); err == nil {
		t.Fatal("a message whose end wasn't recorded can be acknowledged")
	}
	w.smtp.answers(nil)
	w.bolt = nil
	w.open()
	if d := w.only(); d.State != alert.Sending {
		t.Fatalf("after the crash: %s", d.State)
	}
	w.must(flow.NewMails(w.Deps).Send(t.Context(), codeMail()))
	if d := w.only(); d.State != alert.Accepted || len(w.smtp.accepted()) != 2 {
		t.Errorf("%s, %d mails", d.State, len(w.smtp.accepted()))
	}
}

func TestAMailThatCannotBeWrittenIsFinal(t *testing.T) {
	w := newWorld(t)
	bad := codeMail()
	bad.Code = secret.Wrap("12345")
	err := flow.NewMails(w.Deps).Send(t.Context(), bad)
	if !errors.Is(err, flow.ErrFinal) || strings.Contains(err.Error(), "12345") {
		t.Errorf("Send = %v, want ErrFinal without the code", err)
	}
	if len(w.deliveries()) != 0 {
		t.Error("it left a delivery")
	}
}

func TestAnAddressIsToldOnceADayOfSignUps(t *testing.T) {
	w := newWorld(t)
	mails := flow.NewMails(w.Deps)
	w.must(mails.Send(t.Context(), notice("evt_1")))
	w.must(mails.Send(t.Context(), notice("evt_1")))
	other := notice("evt_2")
	other.Email = "ANN@example.com"
	w.must(mails.Send(t.Context(), other))
	if len(w.smtp.accepted()) != 1 {
		t.Fatalf("%d notices on one day, want 1", len(w.smtp.accepted()))
	}
	if d := w.of("evt_2"); d.State != alert.Dropped || w.settled()[d.ID] != "dropped" {
		t.Errorf("the second notice is %s", d.State)
	}
	codes := codeMail()
	codes.ID = "evt_3"
	w.must(mails.Send(t.Context(), codes))
	w.clock.advance(24 * time.Hour)
	next := notice("evt_4")
	next.Expires = w.clock.now().Add(time.Minute)
	w.must(mails.Send(t.Context(), next))
	if len(w.smtp.accepted()) != 3 {
		t.Errorf("%d mails; codes aren't capped, and a day later there is another notice", len(w.smtp.accepted()))
	}
}

func TestANoticeThatFailedOnTheWayIsNotCappedByItself(t *testing.T) {
	w := newWorld(t)
	mails := flow.NewMails(w.Deps)
	w.smtp.answers(down)
	if err := mails.Send(t.Context(), notice("evt_1")); err == nil {
		t.Fatal("no error")
	}
	w.smtp.answers(nil)
	w.must(mails.Send(t.Context(), notice("evt_1")))
	if d := w.only(); d.State != alert.Accepted {
		t.Errorf("the notice is %s", d.State)
	}
}

func TestAMailToNowhereIsDropped(t *testing.T) {
	w := newWorld(t)
	m := codeMail()
	m.Email = "somebody@selftest.invalid"
	w.must(flow.NewMails(w.Deps).Send(t.Context(), m))
	if d := w.only(); d.State != alert.Dropped || d.LastError == "" || w.settled()[d.ID] != "dropped" {
		t.Errorf("%s, %q, settled %v", d.State, d.LastError, w.settled())
	}
	if sent := w.smtp.accepted(); len(sent) > 0 {
		t.Errorf("%d mails were sent", len(sent))
	}
}
