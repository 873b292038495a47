package mail

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"strings"

	gomail "github.com/wneessen/go-mail"
)

// ErrPermanent marks a mail that the server refuses for good: sending it again
// won't help.
var ErrPermanent = errors.New("mail: refused for good")

// connectFailure is an error before the server was told of the mail. Whatever it
// answers then, even for good ("535 authentication failed"), is about our set-up
// and not about this mail, so it is worth another try once an operator has
// looked: an alert must not be lost to a wrong password.
func connectFailure(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("mail: connect to the SMTP server: %w", ended)
	}
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return fmt.Errorf("mail: the SMTP server refused the connection or login with %d; check address, TLS mode and password", reply.Code)
	}
	var garbled textproto.ProtocolError
	if errors.As(err, &garbled) {
		return errors.New("mail: what answered isn't an SMTP server, or wants TLS from the first byte; check address and TLS mode")
	}
	return fmt.Errorf("mail: connect to the SMTP server: %w", err)
}

// sendFailure is an error of the mail's own commands. It keeps the stage and the
// codes of the reply and leaves out its words.
func sendFailure(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("mail: hand the mail over: %w", ended)
	}
	var failure *gomail.SendError
	if !errors.As(err, &failure) {
		return errors.New("mail: hand the mail over: the connection failed")
	}
	code := failure.ErrorCode()
	switch {
	case code == 0:
		return fmt.Errorf("mail: hand the mail over, %s: the connection failed", failure.Reason)
	case isPermanent(code) && !aboutSetUp(failure):
		return fmt.Errorf("%w: %s answered %d %s", ErrPermanent, failure.Reason, code, failure.EnhancedStatusCode())
	default:
		return fmt.Errorf("mail: not accepted now: %s answered %d %s", failure.Reason, code, failure.EnhancedStatusCode())
	}
}

// aboutSetUp says whether the server refuses us and not this mail: the sender, which is the same for all, or to
// relay for the recipient (554, as relays say it, or 5.7.x of RFC 3463). An alert must outlast that too.
func aboutSetUp(failure *gomail.SendError) bool {
	switch failure.Reason {
	case gomail.ErrSMTPMailFrom:
		return true
	case gomail.ErrSMTPRcptTo:
		return failure.ErrorCode() == 554 || strings.HasPrefix(failure.EnhancedStatusCode(), "5.7.")
	default:
		return false
	}
}

// isPermanent takes 5xx by its word, except for those that ask for a login or for
// encryption: they are about our set-up, as in connectFailure.
func isPermanent(code int) bool {
	switch code {
	case 530, 534, 535, 538:
		return false
	default:
		return code >= 500
	}
}
