package flow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/mail"
	"github.com/doorward/doorward/services/notify/internal/template"
)

// errUnnamed says that authn, asked again, doesn't name the address any more.
var errUnnamed = errors.New("authn no longer names this address for the event")

// errNowhere says that no mail server has the address.
var errNowhere = errors.New("the address is below .invalid, where no mail goes (RFC 6761)")

// compose writes an alert's mail. The recipient is as authn names it now; for a mail without a link authn isn't asked.
func (d *Deps) compose(ctx context.Context, of alert.Delivery) (mail.Message, Recipient, error) {
	to := Recipient{Email: of.Email, Language: of.Language}
	if of.Kind == alert.NewDevice {
		var err error
		if to, err = d.recipient(ctx, of); err != nil {
			return mail.Message{}, Recipient{}, err
		}
	}
	written, err := d.write(of, to)
	if err != nil {
		return mail.Message{}, Recipient{}, fmt.Errorf("%w: %w", ErrFinal, err)
	}
	return message(of, written), to, nil
}

// recipient asks authn for the address's token: what the mail's link carries is stored nowhere. An authn that was restored from a backup may
// have forgotten the event; the owner is then told all the same, without a link.
func (d *Deps) recipient(ctx context.Context, of alert.Delivery) (Recipient, error) {
	recipients, err := d.Prepare(ctx, of.EventID)
	if fault.KindOf(err) == fault.NotFound {
		return Recipient{Email: of.Email, Language: of.Language}, nil
	}
	if err != nil {
		return Recipient{}, fmt.Errorf("ask authn for the link: %w", err)
	}
	for _, r := range recipients {
		if alert.SameAddress(r.Email) == alert.SameAddress(of.Email) {
			return r, nil
		}
	}
	return Recipient{}, errUnnamed
}

func (d *Deps) write(of alert.Delivery, to Recipient) (template.Mail, error) {
	tag := firstTag(to.Language)
	if of.Kind == alert.Contained && of.Containment != nil {
		return d.Templates.Contained(tag, template.Contained{
			Product: d.Product, Recipient: of.Email, Origin: Origin(of.SignIn),
			At: of.Containment.At, Sessions: of.Containment.Sessions, Devices: of.Containment.Devices,
		})
	}
	if of.Kind == alert.Abandoned {
		return d.Templates.Abandoned(tag, template.Abandoned{Product: d.Product, Recipient: of.Email, Origin: Origin(of.SignIn)})
	}
	if of.Kind != alert.NewDevice {
		return template.Mail{}, fmt.Errorf("no mail is written for a delivery of kind %s", of.Kind)
	}
	methods := make([]template.Method, 0, len(of.SignIn.AMR))
	for _, value := range of.SignIn.AMR {
		methods = append(methods, template.Method(value))
	}
	return d.Templates.NewDevice(tag, template.NewDevice{
		Product: d.Product, Recipient: of.Email, Origin: Origin(of.SignIn), Methods: methods, Link: d.link(of, to),
	})
}

// link is the page that asks "Was this you?"; empty for an address that may not answer. Both parts are of URL-safe characters.
func (d *Deps) link(of alert.Delivery, to Recipient) string {
	if to.ContainToken.IsZero() {
		return ""
	}
	return d.PortalURL + "/contain/" + of.ID + "/" + to.ContainToken.Reveal()
}

func message(of alert.Delivery, written template.Mail) mail.Message {
	return mail.Message{ID: of.ID, To: of.Email, Subject: written.Subject, Text: written.Text, HTML: written.HTML}
}

var deviceWords = map[alert.DeviceKind]string{
	alert.Desktop: "Desktop", alert.Phone: "Phone", alert.Tablet: "Tablet", alert.Bot: "A program",
}

// Origin is how a mail shows where something came from.
func Origin(s alert.SignIn) template.Origin {
	return template.Origin{
		Device: deviceWords[s.DeviceKind], Browser: s.Browser, System: s.System, Place: s.Country, IP: s.IP, Time: s.At,
	}
}

// firstTag is the language an Accept-Language header names first, which is the one its sender likes best in all that browsers send.
func firstTag(header string) string {
	first, _, _ := strings.Cut(header, ",")
	tag, _, _ := strings.Cut(first, ";")
	return strings.TrimSpace(tag)
}
