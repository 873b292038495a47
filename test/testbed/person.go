package testbed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/seal"
	doorward "github.com/doorward/doorward/sdk"
)

const password = "correct horse battery staple"

// Person has an account, and one device, which is known. A person signs in from one goroutine at a time.
type Person struct {
	Email string

	client *doorward.Client
	from   doorward.From
}

// SignUp creates an account with the code that is mailed. It is called from one goroutine at a time.
func (b *Bed) SignUp(email string) *Person {
	b.t.Helper()
	ctx, cancel := deadline(b.t)
	defer cancel()
	p := &Person{Email: email, client: b.app, from: doorward.From{
		IP:        netip.MustParseAddr("192.0.2.10"),
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
		Language:  "en",
	}}
	a, err := b.app.SignUp(ctx, email, p.from)
	must(b.t, err)
	must(b.t, a.NewPassword(ctx, password))
	must(b.t, a.SendCode(ctx))
	must(b.t, a.Code(ctx, b.mails.code(b.t, email)))
	grant, ok := a.Grant()
	if !ok {
		b.t.Fatalf("%s isn't signed up but at %v", email, a.Next())
	}
	p.from = p.from.WithDevice(grant.DeviceSecret)
	return p
}

// SignIn begins one more session on the known device. Told that too many passwords are being checked, the person asks again.
func (p *Person) SignIn(ctx context.Context) (doorward.Grant, error) {
	a, err := p.client.SignIn(ctx, p.Email, p.from)
	if err != nil {
		return doorward.Grant{}, err
	}
	for err = a.Password(ctx, password); isOverloaded(err); err = a.Password(ctx, password) {
		if err := waitAsTold(ctx, err); err != nil {
			return doorward.Grant{}, err
		}
	}
	if err != nil {
		return doorward.Grant{}, err
	}
	grant, ok := a.Grant()
	if !ok {
		return doorward.Grant{}, fmt.Errorf("testbed: %s isn't signed in but at %v", p.Email, a.Next())
	}
	p.from = p.from.WithDevice(grant.DeviceSecret)
	return grant, nil
}

// Refresh goes on with a session, and returns its next tokens.
func (p *Person) Refresh(ctx context.Context, refresh doorward.Secret) (doorward.Tokens, error) {
	return p.client.Refresh(ctx, refresh, p.from)
}

func isOverloaded(err error) bool {
	reason, _ := doorward.ReasonOf(err)
	return reason == typev1.Reason_REASON_OVERLOADED
}

// waitAsTold waits for as long as a refusal says, give or take a half, so that those who were refused together don't come back as one.
func waitAsTold(ctx context.Context, refusal error) error {
	told, ok := doorward.RetryAfter(refusal)
	if !ok || told <= 0 {
		return fmt.Errorf("testbed: refused without being told when to ask again: %w", refusal)
	}
	timer := time.NewTimer(told/2 + rand.N(told))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// mailbox is where everybody's mails arrive.
type mailbox struct {
	codes  chan mailed
	opener *seal.Opener
}

type mailed struct{ email, code string }

// mailsKept bounds the mails that nobody has asked for.
const mailsKept = 64

// readMails reads the mails as notify does, until the test ends.
func readMails(t testing.TB, b *Bus, key string) *mailbox {
	t.Helper()
	opener, err := seal.LoadOpener(key)
	must(t, err)
	metrics, err := bus.NewMetrics(prometheus.NewRegistry())
	must(t, err)
	m := &mailbox{codes: make(chan mailed, mailsKept), opener: opener}
	conn := b.Connect(bus.Notify)
	runUntilEnd(t, "the mailbox", func(ctx context.Context) error {
		return bus.Consume(ctx, conn, bus.ConsumeConfig{
			Stream: bus.StreamMail, Handle: m.take, Logger: quiet(), Metrics: metrics,
		})
	})
	return m
}

func (m *mailbox) take(_ context.Context, e bus.Event) error {
	var sealed eventv1.SealedMail
	if err := proto.Unmarshal(e.Data, &sealed); err != nil {
		return err
	}
	plain, err := m.opener.Open(
		seal.Envelope{KeyID: sealed.GetKeyId(), Enc: sealed.GetEncapsulatedKey(), Ciphertext: sealed.GetCiphertext()},
		seal.AAD{MessageID: e.ID, Recipient: sealed.GetEmail(), Purpose: sealed.GetPurpose().String(), Expires: sealed.GetExpiresAt().AsTime()},
		time.Now())
	if err != nil {
		return err
	}
	var content eventv1.MailContent
	if err := proto.Unmarshal(plain, &content); err != nil {
		return err
	}
	select {
	case m.codes <- mailed{email: sealed.GetEmail(), code: content.GetCode()}:
		return nil
	default:
		return errors.New("testbed: nobody reads the mails")
	}
}

// code is the code in the next mail to an address.
func (m *mailbox) code(t testing.TB, email string) string {
	t.Helper()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	for {
		select {
		case mail := <-m.codes:
			if mail.email == email {
				return mail.code
			}
		case <-timer.C:
			t.Fatalf("no mail to %s within %v", email, Patience)
		}
	}
}
