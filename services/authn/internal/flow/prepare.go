package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/quota"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// Prompt says where to look for the answer.
type Prompt struct {
	// Destination is the address, masked.
	Destination           string
	ValidFor, ResendAfter time.Duration
}

// Prepare sends a code for the attempt's current step.
func (f *Attempts) Prepare(ctx context.Context, t Ticket, factor attempt.Factor) (_ Progress, _ Prompt, err error) {
	now, rules := f.Now(), f.Policy(ctx)
	s, err := f.stand(ctx, t, rules, now)
	if err != nil {
		return Progress{}, Prompt{}, f.inVain(methodPrepare, t, "", rules.RateNetworkAnswers, err)
	}
	defer func() { f.Metrics.prepared(s.Progress, err) }()
	if factor != attempt.EmailCode || (s.Step != attempt.EmailVerification && s.Step != attempt.DeviceVerification) {
		return Progress{}, Prompt{}, f.inVain(methodPrepare, t, "", rules.RateNetworkAnswers, stepMismatch(s.Step))
	}
	try := try{ticket: t, state: s, rules: rules, now: now}
	if err := f.paceStep(methodPrepare, try); err != nil {
		return Progress{}, Prompt{}, fmt.Errorf("prepare: %w", err)
	}
	mail, err := f.newCodeMail(try)
	if err != nil {
		return Progress{}, Prompt{}, errInternal.Because(err)
	}
	if err := f.sendCode(ctx, try, mail); err != nil {
		return Progress{}, Prompt{}, err
	}
	return s.Progress, Prompt{
		Destination: account.Masked(mail.address),
		ValidFor:    rules.CodeLifetime,
		ResendAfter: rules.CodeInterval,
	}, nil
}

// codeMail is a code and the sealed mail that carries it.
type codeMail struct {
	mac     [32]byte
	address string
	row     outbox.Row
	expires time.Time
}

// newCodeMail makes a code and seals its mail: work that must not be done inside a transaction. A sign-up for a taken address gets a code
// that nobody is sent, and a mail of the same size that tells the owner.
func (f *Attempts) newCodeMail(t try) (codeMail, error) {
	address, err := mailAddress(t)
	if err != nil {
		return codeMail{}, err
	}
	code := secret.Code6()
	m := codeMail{
		mac:     t.Attempt.CodeMAC(f.Secrets.Codes, code),
		address: address,
		expires: t.now.Add(t.rules.CodeLifetime),
	}
	purpose := mailPurpose(t)
	content := mailContent(t, purpose, code)
	m.row, err = f.sealMail(envelope{to: m.address, expires: m.expires, purpose: purpose}, content, t.now)
	return m, err
}

// mailAddress is where the mail goes: a sign-up's to the address that it names, a sign-in's to the account's own, and nowhere else.
func mailAddress(t try) (string, error) {
	if t.Attempt.Purpose == attempt.SignUp {
		return t.Attempt.Address, nil
	}
	primary, ok := t.user.Primary()
	if !ok {
		return "", errors.New("the account has no address to send a code to")
	}
	return primary.Address, nil
}

// mailPurpose is what the mail is for.
func mailPurpose(t try) eventv1.MailPurpose {
	switch {
	case t.Attempt.Purpose == attempt.SignUp && t.Attempt.UserID != "":
		return eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_TAKEN
	case t.Attempt.Purpose == attempt.SignUp:
		return eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_CODE
	case t.Step == attempt.EmailVerification:
		return eventv1.MailPurpose_MAIL_PURPOSE_NEW_PASSWORD_CODE
	}
	return eventv1.MailPurpose_MAIL_PURPOSE_DEVICE_CODE
}

// mailContent is what the mail says. Its free text is bounded, so that padding always fits.
func mailContent(t try, purpose eventv1.MailPurpose, code secret.Text) *eventv1.MailContent {
	content := &eventv1.MailContent{
		Device:      deviceMessage("", describe(t.Attempt.Origin.UserAgent)),
		Ip:          t.Attempt.Origin.IP,
		RequestedAt: timestamppb.New(t.now),
		Language:    bounded(t.Attempt.Origin.Language, 256),
	}
	if a := t.Attempt.Assessment; a != nil {
		content.Place = placeMessage(a.Country, a.CountryName)
	}
	if purpose != eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_TAKEN {
		content.Code = code.Reveal()
	}
	return content
}

func bounded(s string, most int) string {
	if len(s) > most {
		return ""
	}
	return s
}

// sendCode makes the code good and queues its mail, unless its address, its network or all together have had too many. Where package quota says so, strangers come
// through who have solved a challenge; risk is asked about that outside of any transaction.
func (f *Attempts) sendCode(ctx context.Context, t try, m codeMail) error {
	purse, err := f.purse(t, m.address)
	if err != nil {
		return errInternal.Because(err)
	}
	paid, err := f.queueCode(ctx, t, m, purse)
	if err == nil && paid.Liftable() {
		if err := f.challengedHarder(ctx, t.ticket.Client, WorkCode, paid.Effort); err != nil {
			return fmt.Errorf("send code: %w", err)
		}
		purse.solved = true
		paid, err = f.queueCode(ctx, t, m, purse)
	}
	if err == nil {
		err = tooManyCodes(paid)
	}
	if err != nil {
		return fmt.Errorf("send code: %w", err)
	}
	return nil
}

// queueCode does all of it in one transaction, or none.
func (f *Attempts) queueCode(ctx context.Context, t try, m codeMail, purse purse) (paid quota.Verdict, err error) {
	err = f.Store.Update(ctx, func(tx store.Tx) error {
		p, err := f.reopen(tx, t)
		if err != nil {
			return err
		}
		if p.Step == attempt.Refused {
			return stepMismatch(p.Step)
		}
		if paid, err = purse.spend(tx); err != nil || !paid.Sent() {
			return err
		}
		a := p.Attempt
		a.AddCode(m.mac, m.expires)
		if err := tx.Attempts.Put(a); err != nil {
			return err
		}
		return tx.Outbox.Append(m.row)
	})
	if err == nil {
		f.Metrics.coded(t.Attempt.Purpose, purse.who, paid)
		f.strain.tell(ctx, t.Attempt.Purpose, purse, paid)
	}
	return paid, err
}
