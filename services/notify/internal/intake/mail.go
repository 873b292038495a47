package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/flow"
	"github.com/doorward/doorward/services/notify/internal/template"
)

// purpose is what a sealed mail's purpose means here.
type purpose struct {
	kind alert.Kind
	code template.Purpose
}

var purposes = map[eventv1.MailPurpose]purpose{
	eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_CODE:      {alert.Code, template.SignUp},
	eventv1.MailPurpose_MAIL_PURPOSE_DEVICE_CODE:       {alert.Code, template.DeviceVerification},
	eventv1.MailPurpose_MAIL_PURPOSE_NEW_PASSWORD_CODE: {alert.Code, template.NewPassword},
	eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_TAKEN:     {alert.SignUpTaken, ""},
	eventv1.MailPurpose_MAIL_PURPOSE_INVITATION:        {alert.Invitation, ""},
}

func (i *Intake) mail(ctx context.Context, e bus.Event) error {
	var sealed eventv1.SealedMail
	if err := decode(e, &sealed); err != nil {
		return err
	}
	expires, err := moment("expires_at", sealed.GetExpiresAt())
	if err != nil {
		return err
	}
	what, ok := purposes[sealed.GetPurpose()]
	if !ok {
		return fmt.Errorf("%w: its purpose isn't known", errMalformed)
	}
	m := flow.Mail{ID: e.ID, Email: sealed.GetEmail(), Kind: what.kind, Purpose: what.code, Expires: expires}
	plain, err := i.open(e, &sealed, expires)
	if errors.Is(err, seal.ErrExpired) {
		// Genuine, and too late: the flow records that.
		return i.cfg.Mails.Send(ctx, m)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	var content eventv1.MailContent
	if proto.Unmarshal(plain, &content) != nil {
		return fmt.Errorf("%w: the sealed content isn't a mail's", errMalformed)
	}
	fill(&m, &content)
	return i.cfg.Mails.Send(ctx, m)
}

// open checks with the seal that the mail is for this address, this purpose and this time.
func (i *Intake) open(e bus.Event, sealed *eventv1.SealedMail, expires time.Time) ([]byte, error) {
	return i.cfg.Opener.Open(
		seal.Envelope{KeyID: sealed.GetKeyId(), Enc: sealed.GetEncapsulatedKey(), Ciphertext: sealed.GetCiphertext()},
		seal.AAD{MessageID: e.ID, Recipient: sealed.GetEmail(), Purpose: sealed.GetPurpose().String(), Expires: expires},
		i.cfg.Now(),
	)
}

func fill(m *flow.Mail, content *eventv1.MailContent) {
	m.Code = secret.Wrap(content.GetCode())
	m.Language = content.GetLanguage()
	m.Page = content.GetUrl()
	if ends := content.GetInvitationExpiresAt(); ends != nil {
		m.InvitationEnds = ends.AsTime()
	}
	m.Origin = flow.Origin(alert.SignIn{
		Browser: content.GetDevice().GetBrowser(), System: content.GetDevice().GetSystem(), DeviceKind: deviceKinds[content.GetDevice().GetKind()],
		Country: content.GetPlace().GetCountryName(), IP: content.GetIp(), At: content.GetRequestedAt().AsTime(),
	})
}
