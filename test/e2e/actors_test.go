package e2e_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/verify"
	"github.com/doorward/doorward/services/risk"
	"github.com/doorward/doorward/test/deployment"
)

// application is a backend that uses the deployment: it signs people in, and guards itself by session tokens.
type application struct {
	*deployment.Deployment
	t        *testing.T
	ctx      context.Context //nolint:containedctx // a test's own, with its deadline
	client   *doorward.Client
	verifier *verify.Verifier
}

func newApplication(ctx context.Context, t *testing.T, d *deployment.Deployment) *application {
	t.Helper()
	env := d.Environment()
	client, err := doorward.New(doorward.Config{
		Address: env["DOORWARD_ADDRESS"], APIKey: doorward.SecretOf(d.ApplicationKey), CAFile: env["DOORWARD_CA"], ServerName: "authn",
		SolveChallenges: true,
	})
	must(t, err)
	source, err := verify.NATS(verify.NATSConfig{URL: env["DOORWARD_NATS_URL"], SeedFile: env["DOORWARD_NATS_SEED"]})
	must(t, err)
	verifier, err := verify.New(ctx, verify.Config{Issuer: env["DOORWARD_ISSUER"], Audience: env["DOORWARD_AUDIENCE"], Authn: client.Conn(), Revocations: source})
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(verifier.Close(), client.Close())) })
	return &application{Deployment: d, t: t, ctx: ctx, client: client, verifier: verifier}
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
	a.t.Helper()
	p := &person{email: "ada." + strings.ToLower(rand.Text()[:10]) + "@example.com", password: rand.Text(), from: from}
	attempt, err := a.client.SignUp(a.ctx, p.email, p.from)
	must(a.t, err)
	must(a.t, attempt.NewPassword(a.ctx, p.password))
	a.passByMail(attempt, p.email)
	a.take(attempt, p)
	return p
}

// signIn gives the password and returns the attempt, whatever comes next.
func (a *application) signIn(email, password string, from doorward.From) *doorward.Attempt {
	a.t.Helper()
	var attempt *doorward.Attempt
	a.patiently(func() (err error) {
		attempt, err = a.client.SignIn(a.ctx, email, from)
		return err
	})
	a.patiently(func() error { return attempt.Password(a.ctx, password) })
	return attempt
}

// patiently makes a call again when it came too fast, after as long as it is told.
func (a *application) patiently(call func() error) {
	a.t.Helper()
	for {
		err := call()
		if reason, _ := doorward.ReasonOf(err); reason != typev1.Reason_REASON_RATE_LIMITED {
			must(a.t, err)
			return
		}
		wait, _ := doorward.RetryAfter(err)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-a.ctx.Done():
			timer.Stop()
			must(a.t, a.ctx.Err())
		}
	}
}

// passByMail has a code sent and answers with it.
func (a *application) passByMail(attempt *doorward.Attempt, email string) {
	a.t.Helper()
	seen := len(a.Mails(email))
	must(a.t, attempt.SendCode(a.ctx))
	mailed := a.code(email, seen)
	a.patiently(func() error { return attempt.Code(a.ctx, mailed) })
}

// code waits for the first mail with a code after those that were seen.
func (a *application) code(email string, seen int) string {
	a.t.Helper()
	var code string
	deployment.Eventually(a.t, "a code comes by mail", func() bool {
		for _, m := range a.Mails(email)[seen:] {
			code = sixDigits.FindString(m.Text)
		}
		return code != ""
	})
	return code
}

// take remembers the session that an attempt ended with.
func (a *application) take(attempt *doorward.Attempt, p *person) {
	a.t.Helper()
	grant, ok := attempt.Grant()
	if !ok {
		a.t.Fatalf("the next step is %v, the last answer %v", attempt.Next(), attempt.LastAnswer().Outcome)
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
func titled(d *deployment.Deployment, email, subject string) (found []deployment.Mail) {
	for _, m := range d.Mails(email) {
		if strings.Contains(m.Subject, subject) {
			found = append(found, m)
		}
	}
	return found
}

// answerNo opens an alert's link and answers "No, this wasn't me".
func answerNo(t *testing.T, alert deployment.Mail) {
	t.Helper()
	for _, link := range alert.Links {
		if !strings.Contains(link, "/contain/") {
			continue
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, link, strings.NewReader(url.Values{"answer": {"no"}}.Encode()))
		must(t, err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
		response, err := web.Do(request)
		if err != nil {
			t.Fatal("the portal doesn't answer") // the link would be in the error's text
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Fatalf("the portal answers %d", response.StatusCode)
		}
		return
	}
	t.Fatalf("the mail %q holds no link", alert.Subject)
}

// web is the browser of everybody.
var web = &http.Client{Timeout: 10 * time.Second}

// refused says whether an error has a reason.
func refused(err error, want typev1.Reason) bool {
	reason, ok := doorward.ReasonOf(err)
	return ok && reason == want
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
