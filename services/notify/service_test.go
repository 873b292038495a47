package notify_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/inbox"
	"github.com/doorward/doorward/internal/porttest"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify"
)

const (
	ann  = "Ann@example.com"
	old  = "ann.old@example.com"
	code = "048213"

	accepted = notifyv1.DeliveryState_DELIVERY_STATE_ACCEPTED
	failed   = notifyv1.DeliveryState_DELIVERY_STATE_FAILED
	dropped  = notifyv1.DeliveryState_DELIVERY_STATE_DROPPED
	queued   = notifyv1.DeliveryState_DELIVERY_STATE_QUEUED
)

func TestTheAlertOfAStrangersSignInToItsConfirmation(t *testing.T) {
	s := newSuite(t)
	s.authn.tells(ann, old)
	s.start()
	event := s.strangerSignsIn()

	first := s.mail(ann)
	second := s.mail(old)
	link := first.Links[0]
	if len(first.Links) != 1 || link == second.Links[0] {
		t.Fatalf("links %v and %v: want one each, of its own", first.Links, second.Links)
	}
	wantLink := "http://127.0.0.1:7404/contain/"
	if !strings.HasPrefix(link, wantLink) || !strings.HasSuffix(link, "/"+s.authn.token(event, ann)) {
		t.Fatalf("the link isn't %s<delivery>/<token>", wantLink)
	}
	for _, want := range []string{"Portugal", "203.0.113.9", "Linux", "Phone", "Password and a mailed code"} {
		if !strings.Contains(first.Text, want) || !strings.Contains(first.HTML, want) {
			t.Errorf("the alert doesn't tell %q", want)
		}
	}
	if strings.Contains(first.HTML, "<script") || strings.Contains(first.HTML, "<a href=//") {
		t.Error("a stranger's words became HTML")
	}
	s.of(event, accepted)

	parts := strings.Split(strings.TrimPrefix(link, wantLink), "/")
	page := s.portal()
	described, err := page.DescribeContainment(s.deadline(), &notifyv1.DescribeContainmentRequest{DeliveryId: parts[0], ContainToken: parts[1]})
	s.must(err)
	got := described.GetContainment()
	if got.GetIp() != "203.0.113.9" || got.GetDevice().GetBrowser() != hostile || got.GetDevice().GetKind() != typev1.DeviceKind_DEVICE_KIND_PHONE ||
		got.GetPlace().GetCountryName() != "Portugal" || got.GetMethod() != "password and a mailed code" || got.GetConfirmedAt() != nil {
		t.Error("the page shows something else than the alert")
	}

	command := s.nextCommand()
	for range 2 {
		_, err := page.ConfirmContainment(s.deadline(), &notifyv1.ConfirmContainmentRequest{
			DeliveryId: parts[0], ContainToken: parts[1], Client: &typev1.ClientContext{Ip: "198.51.100.4"},
		})
		s.must(err)
	}
	c := <-command
	if c.GetSigninEventId() != event || c.GetEmail() != ann || c.GetContainToken() != parts[1] || c.GetDeliveryId() != parts[0] || c.GetIp() != "198.51.100.4" {
		t.Error("the command isn't the answer that was given")
	}

	contained := id.New("evt", time.Now())
	s.publish("doorward.event.authn.session.contained", contained, &eventv1.SessionContained{
		UserId: "usr_1", SigninEventId: event, EndedSessionIds: []string{"ses_1"}, UntrustedDeviceIds: []string{"dev_1"},
		ContainedAt: timestamppb.Now(), SignedInAt: timestamppb.Now(),
	})
	if told := s.of(contained, accepted); len(told) != 2 {
		t.Errorf("%d confirmations, want one to each address", len(told))
	}
	confirmation, err := s.inbox.Wait(s.deadline(), func(m inbox.Message) bool { return m.SentTo(old) && strings.Contains(m.Subject, "ended") })
	s.must(err)
	if !strings.Contains(confirmation.Text, "Portugal") || !strings.Contains(confirmation.Text, "1 session was signed out") {
		t.Errorf("the confirmation reads:\n%s", confirmation.Text)
	}
	select {
	case <-command:
		t.Error("the repeat was commanded too")
	default:
	}
	s.noSecretInTheLog(parts[1], s.authn.token(event, old), ann, old)
}

// nextCommand reads commands as authn does.
func (s *suite) nextCommand() <-chan *eventv1.ContainSession {
	s.Helper()
	commands := make(chan *eventv1.ContainSession, 8)
	conn := s.as(bus.Authn)
	m, err := bus.NewMetrics(prometheus.NewRegistry())
	s.must(err)
	s.background("authn's commands", func(ctx context.Context) error {
		return bus.Consume(ctx, conn, bus.ConsumeConfig{
			Stream: bus.StreamCommands, Logger: quiet(), Metrics: m,
			Handle: func(_ context.Context, e bus.Event) error {
				body := new(eventv1.ContainSession)
				if err := proto.Unmarshal(e.Data, body); err != nil {
					return err
				}
				commands <- body
				return nil
			},
		})
	})
	return commands
}

func (s *suite) noSecretInTheLog(secrets ...string) {
	s.Helper()
	log := strings.ToLower(s.log.String())
	if log == "" {
		s.Error("nothing was logged, so nothing is shown")
	}
	for _, secret := range append(secrets, code) {
		if strings.Contains(log, strings.ToLower(secret)) {
			s.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
}

func TestSealedMailsAreOpenedAndSent(t *testing.T) {
	s := newSuite(t)
	s.start()
	message := s.sendCode(ann, code, time.Now().Add(time.Minute))
	got := s.mail(ann)
	if !strings.Contains(got.Text, code) || strings.Contains(got.Subject, code) || strings.Contains(got.HTML, "<script") {
		t.Errorf("the mail with the code, %q:\n%s", got.Subject, got.Text)
	}
	s.of(message, accepted)

	taken := id.New("evt", time.Now())
	s.publish("doorward.mail.send", taken, s.sealed(taken, old, eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_TAKEN, time.Now().Add(time.Minute), ""))
	if notice := s.mail(old); !strings.Contains(notice.Subject, "sign up") || len(notice.Links) > 0 {
		t.Errorf("the notice: %q", notice.Subject)
	}
	s.of(taken, accepted)
	s.noSecretInTheLog(ann, old)
}

func TestMailsThatWereTamperedWithEndAsDeadLetters(t *testing.T) {
	s := newSuite(t)
	s.start()
	now := time.Now()
	changes := map[string]func(*eventv1.SealedMail){
		"another address": func(m *eventv1.SealedMail) { m.Email = "eve@example.com" },
		"another purpose": func(m *eventv1.SealedMail) { m.Purpose = eventv1.MailPurpose_MAIL_PURPOSE_NEW_PASSWORD_CODE },
		"a later expiry":  func(m *eventv1.SealedMail) { m.ExpiresAt = timestamppb.New(now.Add(time.Hour)) },
		"an unknown key":  func(m *eventv1.SealedMail) { m.KeyId = "0000000000000000" },
		"other content":   func(m *eventv1.SealedMail) { m.Ciphertext[0] ^= 1 },
		"no purpose":      func(m *eventv1.SealedMail) { m.Purpose = 0 },
		"no expiry":       func(m *eventv1.SealedMail) { m.ExpiresAt = nil },
	}
	for _, change := range changes {
		messageID := id.New("evt", now)
		m := s.sealed(messageID, ann, eventv1.MailPurpose_MAIL_PURPOSE_DEVICE_CODE, now.Add(time.Minute), code)
		change(m)
		s.publish("doorward.mail.send", messageID, m)
	}
	// One mail under another message's id, and one that isn't a message at all.
	moved := s.sealed(id.New("evt", now), ann, eventv1.MailPurpose_MAIL_PURPOSE_DEVICE_CODE, now.Add(time.Minute), code)
	s.publish("doorward.mail.send", id.New("evt", now), moved)
	s.publishRaw("doorward.mail.send", id.New("evt", now), []byte("no protobuf \xff"))

	for _, l := range s.letters(len(changes) + 2) {
		if l.GetType() != "mail.send.v1" || l.GetCause() == "" || l.GetEventId() == "" || strings.Contains(l.GetCause(), "example.com") {
			t.Errorf("a dead letter of type %q: %q", l.GetType(), l.GetCause())
		}
	}
	if n := len(s.inbox.Messages()); n != 0 || len(s.deliveries()) != 0 {
		t.Errorf("%d mails were sent", n)
	}
	s.noSecretInTheLog(ann, "eve@example.com")
}

func TestAMessageThatComesAgainSendsNothing(t *testing.T) {
	s := newSuite(t)
	s.authn.tells(ann)
	s.start()
	event := s.strangerSignsIn()
	message := s.sendCode(old, code, time.Now().Add(time.Minute))
	s.of(event, accepted)
	s.of(message, accepted)

	// NATS comes back from before either of them, and authn's outbox publishes both again.
	s.stop()
	s.loseStreams()
	s.start()
	s.publishSignIn(event)
	s.publish("doorward.mail.send", message, s.sealed(message, old, eventv1.MailPurpose_MAIL_PURPOSE_DEVICE_CODE, time.Now().Add(time.Minute), code))
	// Events are handled as they come: when a later one of each stream is, these two were.
	s.of(s.strangerSignsIn(), accepted)
	s.of(s.sendCode(old, code, time.Now().Add(time.Minute)), accepted)
	if n := len(s.inbox.Messages()); n != 4 {
		t.Errorf("%d mails for two alerts and two codes", n)
	}
	for _, d := range append(s.of(event, accepted), s.of(message, accepted)...) {
		if d.GetTries() != 1 {
			t.Errorf("a settled delivery was tried %d times", d.GetTries())
		}
	}
}

func TestCodesOfADownServerAreTriedUntilTheyExpire(t *testing.T) {
	s := newSuite(t)
	address := s.cfg.SMTP.Address
	s.cfg.SMTP.Address = unused(t)
	s.start()
	late := s.sendCode(ann, code, time.Now().Add(2*time.Second))
	s.of(late, dropped)
	if n := len(s.inbox.Messages()); n != 0 {
		t.Fatalf("%d mails", n)
	}
	inTime := s.sendCode(ann, code, time.Now().Add(time.Minute))
	s.of(inTime, queued)
	s.stop()
	s.cfg.SMTP.Address = address
	s.start()
	s.of(inTime, accepted)
	s.mail(ann)
}

func TestAlertsOutlastAMailServerThatIsDown(t *testing.T) {
	s := newSuite(t)
	address := s.cfg.SMTP.Address
	s.cfg.SMTP.Address = unused(t)
	s.authn.tells(ann)
	s.start()
	event := s.strangerSignsIn()
	s.eventually("a failed try", func() bool {
		all := s.deliveries()
		return len(all) == 1 && all[0].GetTries() >= 1 && all[0].GetState() == queued && all[0].GetLastError() != ""
	})
	s.stop()
	s.cfg.SMTP.Address = address
	s.clock.advance(time.Hour)
	s.start()
	s.of(event, accepted)
	if n := len(s.inbox.Messages()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

// unused is an address where nobody listens.
func unused(t *testing.T) string {
	t.Helper()
	return porttest.Address(porttest.Hold(t))
}

func TestAServerThatRefusesForGoodFailsTheDelivery(t *testing.T) {
	s := newSuite(t)
	s.authn.tells("not an address")
	s.start()
	event := s.strangerSignsIn()
	if d := s.of(event, failed)[0]; d.GetLastError() == "" || d.GetTries() != 1 {
		t.Errorf("failed after %d tries: %q", d.GetTries(), d.GetLastError())
	}
}

func TestAuthnDownDelaysTheAlertAndLosesNothing(t *testing.T) {
	s := newSuite(t)
	s.authn.tells(ann)
	s.authn.isDown(true)
	s.start()
	event := s.strangerSignsIn()
	s.eventually("a failed handling", func() bool { return strings.Contains(s.log.String(), "ask authn") })
	s.authn.isDown(false)
	s.of(event, accepted)
}

func TestDevelopmentMaterialNeedsToBeAllowed(t *testing.T) {
	s := newSuite(t)
	s.cfg.Certs = filepath.Join(t.TempDir(), "certs")
	_, err := certs.Create(s.cfg.Certs, []string{"notify"}, certs.Options{Now: time.Now(), Development: true})
	s.must(err)
	sealing := filepath.Join(s.cfg.SealKeys, "mail.key")
	for _, file := range []string{sealing, s.cfg.NATS.Seed} {
		key, err := os.ReadFile(file)
		s.must(err)
		s.must(secret.ReplaceFile(file, secret.ForDevelopment.On(key)))
	}
	_, err = notify.New(s.deadline(), s.cfg, notify.Deps{Logger: quiet(), Registerer: prometheus.NewRegistry(), Now: time.Now})
	for _, file := range []string{"ca.pem", sealing, s.cfg.NATS.Seed} {
		if !errors.Is(err, secret.ErrDevelopment) || !strings.Contains(err.Error(), file) {
			t.Errorf("err = %v, want ErrDevelopment that names %s", err, file)
		}
	}
	s.cfg.Development = true
	service, err := notify.New(s.deadline(), s.cfg, notify.Deps{Logger: quiet(), Registerer: prometheus.NewRegistry(), Now: time.Now})
	s.must(err)
	s.must(service.Close())
}

func TestDeadLettersAreReplayed(t *testing.T) {
	s := newSuite(t)
	s.start()
	messageID := id.New("evt", time.Now())
	good := s.sealed(messageID, ann, eventv1.MailPurpose_MAIL_PURPOSE_DEVICE_CODE, time.Now().Add(time.Minute), code)
	other := s.cfg.SealKeys
	s.stop()
	s.cfg.SealKeys = t.TempDir() // notify has been given the wrong key
	_, err := seal.CreateKey(filepath.Join(s.cfg.SealKeys, "mail.key"))
	s.must(err)
	s.start()
	s.publish("doorward.mail.send", messageID, good)
	letter := s.letters(1)[0]
	replay := &operatorv1.ReplayDeadLetterRequest{Sequence: letter.GetSequence()}
	_, err = s.deadLetters().ReplayDeadLetter(s.deadline(), replay)
	if fault.KindOf(err) != fault.Precondition || fault.ReasonOf(err) != typev1.Reason_REASON_UNAVAILABLE {
		t.Errorf("a replay that fails again: %v", err)
	}
	s.letters(1)

	s.stop()
	s.cfg.SealKeys = other
	s.start()
	_, err = s.deadLetters().ReplayDeadLetter(s.deadline(), replay)
	s.must(err)
	s.mail(ann)
	s.letters(0)
	_, err = s.deadLetters().ReplayDeadLetter(s.deadline(), replay)
	if fault.KindOf(err) != fault.NotFound {
		t.Errorf("a letter that was handled: %v", err)
	}
	_, err = s.deadLetters().ReplayDeadLetter(s.deadline(), &operatorv1.ReplayDeadLetterRequest{})
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("no letter named: %v", err)
	}
	s.noSecretInTheLog(ann)
}

func TestForeignLinksAreRefusedOnTheWire(t *testing.T) {
	s := newSuite(t)
	s.authn.tells(ann, old)
	s.start()
	event := s.strangerSignsIn()
	both := s.of(event, accepted)
	page := s.portal()
	answers := map[string]bool{}
	for _, link := range [][2]string{
		{both[0].GetId(), s.authn.token(event, both[1].GetEmail())},
		{both[0].GetId(), "cnt_tampered"},
		{"dlv_unknown", s.authn.token(event, ann)},
	} {
		_, describe := page.DescribeContainment(s.deadline(), &notifyv1.DescribeContainmentRequest{DeliveryId: link[0], ContainToken: link[1]})
		_, confirm := page.ConfirmContainment(s.deadline(), &notifyv1.ConfirmContainmentRequest{DeliveryId: link[0], ContainToken: link[1]})
		for _, err := range []error{describe, confirm} {
			if fault.ReasonOf(err) != typev1.Reason_REASON_CONTAIN_TOKEN_INVALID {
				t.Errorf("a foreign link: %v", err)
			}
			answers[fmt.Sprint(err)] = true
		}
	}
	if len(answers) != 1 {
		t.Errorf("%d different answers: %v", len(answers), answers)
	}
	s.noSecretInTheLog(s.authn.token(event, ann), s.authn.token(event, old), "cnt_tampered", ann, old)
}

func TestListsAreNarrowedAndPaged(t *testing.T) {
	s := newSuite(t)
	s.authn.tells(ann, old)
	s.start()
	s.of(s.strangerSignsIn(), accepted)
	client := s.operator()
	all, err := client.ListDeliveries(s.deadline(), &notifyv1.ListDeliveriesRequest{PageSize: 1})
	s.must(err)
	rest, err := client.ListDeliveries(s.deadline(), &notifyv1.ListDeliveriesRequest{PageSize: 1, PageToken: all.GetNextPageToken()})
	s.must(err)
	if len(all.GetDeliveries()) != 1 || len(rest.GetDeliveries()) != 1 || rest.GetNextPageToken() != "" || all.GetDeliveries()[0].GetId() == rest.GetDeliveries()[0].GetId() {
		t.Error("two deliveries aren't two pages of one")
	}
	mine, err := client.ListDeliveries(s.deadline(), &notifyv1.ListDeliveriesRequest{Email: strings.ToUpper(ann), State: accepted})
	s.must(err)
	if len(mine.GetDeliveries()) != 1 || mine.GetDeliveries()[0].GetEmail() != ann || mine.GetDeliveries()[0].GetKind() != "new_device" {
		t.Errorf("%d deliveries to the address", len(mine.GetDeliveries()))
	}
	none, err := client.ListDeliveries(s.deadline(), &notifyv1.ListDeliveriesRequest{State: failed})
	s.must(err)
	if len(none.GetDeliveries()) != 0 {
		t.Error("an accepted delivery is listed as failed")
	}
	_, err = client.ListDeliveries(s.deadline(), &notifyv1.ListDeliveriesRequest{PageToken: "nonsense"})
	if fault.ReasonOf(err) != typev1.Reason_REASON_INVALID_FIELD {
		t.Errorf("a page token that is none: %v", err)
	}
}
