package story

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
)

// linkChangesNothing: a mail scanner opens the link, asks for its head, opens it again and submits the form as it came.
func (p *play) linkChangesNothing(ctx context.Context) (text, seen string, err error) {
	for _, try := range []struct {
		method string
		form   url.Values
	}{
		{http.MethodGet, nil}, {http.MethodHead, nil}, {http.MethodGet, nil}, {http.MethodPost, url.Values{}},
	} {
		page, err := visit(ctx, p.Inbox.HTTP, try.method, p.link, try.form)
		if err != nil {
			return "", "", err
		}
		if err := expect(page.Status < http.StatusInternalServerError, "%s answers %d", try.method, page.Status); err != nil {
			return "", "", err
		}
		if try.method == http.MethodGet {
			if err := p.asks(page); err != nil {
				return "", "", err
			}
		}
	}
	if err := p.Guarded.Call(ctx, p.stranger.SessionToken); err != nil {
		return "", "", fmt.Errorf("opening the link changed something: %w", err)
	}
	return "Opening the alert's link, twice, asking for its head and submitting its form as it came change nothing",
		"2 × GET, HEAD, POST; the stranger's session still works", nil
}

// asks checks that the page says what the alert says, and that the question is still open.
func (p *play) asks(page Page) error {
	for _, fact := range []string{p.Away.IP.String(), p.Away.Country, "Chrome", "Windows"} {
		if err := expect(strings.Contains(page.Body, fact), "the page doesn't show %q", fact); err != nil {
			return err
		}
		if err := expect(strings.Contains(p.alert.Text, fact), "the alert doesn't show %q", fact); err != nil {
			return err
		}
	}
	return expect(strings.Contains(page.Body, `name="answer"`), "the page has no question: opening the link answered it")
}

// notMe: the owner answers, and the guarded service refuses the stranger's token.
func (p *play) notMe(ctx context.Context) (text, seen string, err error) {
	asked, answered := p.Guarded.Asked(), time.Now()
	page, err := visit(ctx, p.Inbox.HTTP, http.MethodPost, p.link, url.Values{"answer": {"no"}})
	if err != nil {
		return "", "", err
	}
	if err := expect(page.Status == http.StatusOK, "the portal answers %d", page.Status); err != nil {
		return "", "", err
	}
	refusal, err := p.awaitRefusal(ctx)
	if err != nil {
		return "", "", err
	}
	refusedAfter := time.Since(answered)
	if err := expect(p.Guarded.Asked() == asked, "the guarded service had to ask authn"); err != nil {
		return "", "", err
	}
	left := time.Until(p.stranger.SessionTokenExpiresAt).Round(time.Second)
	if err := expect(left > 0, "the token had expired by itself"); err != nil {
		return "", "", err
	}
	event, err := p.Events.Await(ctx, "authn.session.contained.v1", p.owner.UserID)
	if err != nil {
		return "", "", err
	}
	mail, err := p.nextMail(ctx)
	if err != nil {
		return "", "", err
	}
	return `Ada answers "No, this wasn't me": the guarded service refuses the stranger's token, without asking authn`,
		fmt.Sprintf("UNAUTHENTICATED %s after %s with %s of the token left, event %s, mail %q",
			reasonName(refusal), refusedAfter.Round(100*time.Microsecond), left, event, mail.Subject), nil
}

// awaitRefusal calls the guarded service as the stranger until it refuses.
func (p *play) awaitRefusal(ctx context.Context) (typev1.Reason, error) {
	const callEvery = time.Millisecond
	ticker := time.NewTicker(callEvery)
	defer ticker.Stop()
	for {
		if err := p.Guarded.Call(ctx, p.stranger.SessionToken); err != nil {
			reason, ok := doorward.ReasonOf(err)
			if !ok {
				return 0, err
			}
			return reason, expect(reason == typev1.Reason_REASON_SESSION_ENDED, "the reason is %v", reason)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("the stranger's token is still accepted: %w", context.Cause(ctx))
		}
	}
}

// strangerStaysOut: password and mailbox don't help any more, and no code is sent.
func (p *play) strangerStaysOut(ctx context.Context) (text, seen string, err error) {
	_, err = p.Doorward.Refresh(ctx, p.stranger.RefreshToken, p.away().WithDevice(p.stranger.DeviceSecret))
	refreshed, ok := doorward.ReasonOf(err)
	if err := expect(ok, "the stranger's session can be refreshed"); err != nil {
		return "", "", err
	}
	a, err := p.begin(ctx, p.away().WithDevice(p.stranger.DeviceSecret))
	if err != nil {
		return "", "", err
	}
	if err := expect(a.Next() == doorward.Refused && a.Refusal() == typev1.Reason_REASON_PASSWORD_CONTAINED,
		"the step is %v, the refusal %v", a.Next(), a.Refusal()); err != nil {
		return "", "", err
	}
	if err := expect(a.SendCode(ctx) != nil, "the stranger can have a code sent"); err != nil {
		return "", "", err
	}
	mails, err := p.Inbox.Count(ctx, p.email, p.lastMail)
	if err != nil {
		return "", "", err
	}
	if err := expect(mails == 0, "%d mails came", mails); err != nil {
		return "", "", err
	}
	return "The stranger tries again with password and mailbox, and stays out; no code is sent",
		fmt.Sprintf("step REFUSED %s, refresh %s", reasonName(a.Refusal()), reasonName(refreshed)), nil
}

// ownerReturns: on the device that was trusted before, a mailed code leads to a new password.
func (p *play) ownerReturns(ctx context.Context) (text, seen string, err error) {
	a, err := p.begin(ctx, p.home())
	if err != nil {
		return "", "", err
	}
	mail, err := p.passByMail(ctx, a, doorward.EmailVerification)
	if err != nil {
		return "", "", err
	}
	if err := expect(a.Next() == doorward.NewPassword, "the step is %v", a.Next()); err != nil {
		return "", "", err
	}
	p.password = rand.Text()
	if err := a.NewPassword(ctx, p.password); err != nil {
		return "", "", err
	}
	if p.owner, err = granted(a); err != nil {
		return "", "", err
	}
	if err := p.Guarded.Call(ctx, p.owner.SessionToken); err != nil {
		return "", "", fmt.Errorf("the guarded service refuses the owner: %w", err)
	}
	event, err := p.Events.Await(ctx, "authn.credential.password_changed.v1", p.owner.UserID)
	if err != nil {
		return "", "", err
	}
	return "On her trusted device Ada sets a new password, and is in",
		fmt.Sprintf("mail %q, event %s", mail.Subject, event), nil
}
