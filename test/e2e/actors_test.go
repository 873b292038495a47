package e2e_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/verify"
	"github.com/doorward/doorward/services/risk"
)

// application is a backend that uses the deployment: it signs people in, and guards itself by session tokens.
type application struct {
	*deployment
	ctx      context.Context //nolint:containedctx // a test's own, with its deadline
	client   *doorward.Client
	verifier *verify.Verifier
}

func (d *deployment) application(ctx context.Context) *application {
	d.Helper()
	env := d.environment()
	client, err := doorward.New(doorward.Config{
		Address: env["DOORWARD_ADDRESS"], APIKey: doorward.SecretOf(d.applicationKey), CAFile: env["DOORWARD_CA"], ServerName: "authn",
	})
	must(d.T, err)
	source, err := verify.NATS(verify.NATSConfig{URL: env["DOORWARD_NATS_URL"], SeedFile: env["DOORWARD_NATS_SEED"]})
	must(d.T, err)
	verifier, err := verify.New(ctx, verify.Config{Issuer: issuer, Audience: audience, Authn: client.Conn(), Revocations: source})
	must(d.T, err)
	d.Cleanup(func() { must(d.T, errors.Join(verifier.Close(), client.Close())) })
	return &application{deployment: d, ctx: ctx, client: client, verifier: verifier}
}

// accepts says whether the guarded backend lets a token in, and if not, why not.
func (a *application) accepts(token doorward.Secret) error {
	_, err := a.verifier.Verify(a.ctx, token.Reveal())
	return err
}

// person has an account, a place and a browser.
type person struct {
	email, password string
	from            doorward.From
	grant           doorward.Grant
}

// secrets are what of a person must be in no log.
func (p *person) secrets(who string) map[string]string {
	return map[string]string{
		who + "'s address":       p.email,
		who + "'s password":      p.password,
		who + "'s session token": p.grant.SessionToken.Reveal(),
		who + "'s refresh token": p.grant.RefreshToken.Reveal(),
		who + "'s device secret": p.grant.DeviceSecret.Reveal(),
	}
}

// at puts a browser into a country.
func at(t *testing.T, country, userAgent string) doorward.From {
	t.Helper()
	address, _, err := risk.SampleAddress(country)
	must(t, err)
	return doorward.From{IP: address, UserAgent: userAgent, Language: "en"}
}

// signUp makes an account; its device is trusted from then on.
func (a *application) signUp(from doorward.From) *person {
	a.Helper()
	p := &person{email: "ada." + strings.ToLower(rand.Text()[:10]) + "@example.com", password: rand.Text(), from: from}
	attempt, err := a.client.SignUp(a.ctx, p.email, p.from)
	must(a.T, err)
	must(a.T, attempt.NewPassword(a.ctx, p.password))
	a.passByMail(attempt, p.email)
	a.take(attempt, p)
	return p
}

// signIn gives the password and returns the attempt, whatever comes next.
func (a *application) signIn(email, password string, from doorward.From) *doorward.Attempt {
	a.Helper()
	attempt, err := a.client.SignIn(a.ctx, email, from)
	must(a.T, err)
	must(a.T, attempt.Password(a.ctx, password))
	return attempt
}

// passByMail has a code sent and answers with it.
func (a *application) passByMail(attempt *doorward.Attempt, email string) {
	a.Helper()
	seen := len(a.mails(email))
	must(a.T, attempt.SendCode(a.ctx))
	must(a.T, attempt.Code(a.ctx, a.code(email, seen)))
}

// code waits for the first mail with a code after those that were seen.
func (a *application) code(email string, seen int) string {
	a.Helper()
	var code string
	eventually(a.T, "a code comes by mail", func() bool {
		for _, m := range a.mails(email)[seen:] {
			code = sixDigits.FindString(m.Text)
		}
		return code != ""
	})
	return code
}

// take remembers the session that an attempt ended with.
func (a *application) take(attempt *doorward.Attempt, p *person) {
	a.Helper()
	grant, ok := attempt.Grant()
	if !ok {
		a.Fatalf("the next step is %v, the last answer %v", attempt.Next(), attempt.LastAnswer().Outcome)
	}
	p.grant, p.from = grant, p.from.WithDevice(grant.DeviceSecret)
}

// refresh uses the session's refresh token up and keeps its successor.
func (a *application) refresh(p *person) error {
	tokens, err := a.client.Refresh(a.ctx, p.grant.RefreshToken, p.from)
	if err == nil {
		p.grant.SessionToken, p.grant.RefreshToken = tokens.SessionToken, tokens.RefreshToken
	}
	return err
}

// titled are the mails to an address with a subject.
func (d *deployment) titled(email, subject string) (found []mail) {
	d.Helper()
	for _, m := range d.mails(email) {
		if strings.Contains(m.Subject, subject) {
			found = append(found, m)
		}
	}
	return found
}

// answerNo opens an alert's link and answers "No, this wasn't me".
func (d *deployment) answerNo(alert mail) {
	d.Helper()
	for _, link := range alert.Links {
		if !strings.Contains(link, "/contain/") {
			continue
		}
		request, err := http.NewRequestWithContext(d.Context(), http.MethodPost, link, strings.NewReader(url.Values{"answer": {"no"}}.Encode()))
		must(d.T, err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
		response, err := web.Do(request)
		if err != nil {
			d.Fatal("the portal doesn't answer") // the link would be in the error's text
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			d.Fatalf("the portal answers %d", response.StatusCode)
		}
		return
	}
	d.Fatalf("the mail %q holds no link", alert.Subject)
}

// refused says whether an error has a reason.
func refused(err error, want typev1.Reason) bool {
	reason, ok := doorward.ReasonOf(err)
	return ok && reason == want
}
