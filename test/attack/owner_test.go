package attack_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/services/risk"
	"github.com/doorward/doorward/test/deployment"
)

// owner has an account and a device that is known for it.
type owner struct {
	suite           *suite
	email, password string
	from            doorward.From
	grant           doorward.Grant
}

// unknown is an address that nobody has used.
func unknown(name string) string {
	return name + "." + strings.ToLower(rand.Text()[:10]) + "@example.com"
}

// home is where owners are: all in one country, so that places tell nothing, and each at an address of its own.
func home(t *testing.T, from doorward.From) doorward.From { return within(t, "DE", from) }

// within has somebody be in a country.
func within(t *testing.T, country string, from doorward.From) doorward.From {
	t.Helper()
	first, _, err := risk.SampleAddress(country)
	must(t, err)
	at, seen := first.As4(), from.IP.As4()
	at[3] = seen[3]
	from.IP = netip.AddrFrom4(at)
	return from
}

// newOwner signs somebody up.
func (s *suite) newOwner(t *testing.T, name string) *owner {
	t.Helper()
	o := &owner{suite: s, email: unknown(name), password: rand.Text(), from: home(t, s.crowd.next())}
	a, err := s.client.SignUp(t.Context(), o.email, o.from)
	must(t, err)
	must(t, patiently(t.Context(), func() error { return a.NewPassword(t.Context(), o.password) }))
	must(t, a.SendCode(t.Context()))
	must(t, a.Code(t.Context(), s.code(t, o.email)))
	o.take(t, a)
	return o
}

func (o *owner) take(t *testing.T, a *doorward.Attempt) {
	t.Helper()
	grant, ok := a.Grant()
	if !ok {
		t.Fatalf("the owner isn't in but at %v, after %v", a.Next(), a.LastAnswer().Outcome)
	}
	o.grant, o.from = grant, o.from.WithDevice(grant.DeviceSecret)
}

// signIn begins one more session on the known device, with the password alone.
func (o *owner) signIn(ctx context.Context, t *testing.T) {
	t.Helper()
	a, err := o.suite.try(ctx, o.email, o.password, o.from)
	must(t, err)
	o.take(t, a)
}

// travel begins one more session on the known device, from a country where risk wants it verified.
func (o *owner) travel(t *testing.T, country string) error {
	t.Helper()
	o.from = within(t, country, o.from)
	a, err := o.suite.try(t.Context(), o.email, o.password, o.from)
	if err != nil {
		return err
	}
	if a.Next() != doorward.DeviceVerification {
		return fmt.Errorf("the next step is %v", a.Next())
	}
	if err := a.SendCode(t.Context()); err != nil {
		return err
	}
	err = a.Code(t.Context(), o.suite.codeOf(t, o.email, o.from.IP.String()))
	if err == nil {
		o.take(t, a)
	}
	return err
}

// refresh goes on with the session.
func (o *owner) refresh(ctx context.Context) error {
	tokens, err := o.suite.client.Refresh(ctx, o.grant.RefreshToken, o.from)
	if err == nil {
		o.grant.SessionToken, o.grant.RefreshToken = tokens.SessionToken, tokens.RefreshToken
	}
	return err
}

// verify asks authn for the session.
func (o *owner) verify(ctx context.Context) error {
	answer, err := o.suite.sessions.VerifySession(ctx, &authnv1.VerifySessionRequest{SessionToken: o.grant.SessionToken.Reveal()})
	if err == nil && answer.GetUserId() != o.grant.UserID {
		return fmt.Errorf("the session is %s's", answer.GetUserId())
	}
	return err
}

// patiently asks again while the hash pool says that it is busy, after as long as it is told.
func patiently(ctx context.Context, call func() error) error {
	for {
		err := call()
		if reason, _ := doorward.ReasonOf(err); reason != typev1.Reason_REASON_OVERLOADED {
			return err
		}
		if told, ok := doorward.RetryAfter(err); !ok || !wait(ctx, told) {
			return err
		}
	}
}

var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

// code waits for the code in an address's first mail.
func (s *suite) code(t *testing.T, email string) string {
	t.Helper()
	return s.codeOf(t, email, "")
}

// codeOf waits for the code in a mail to an address that names an IP address.
func (s *suite) codeOf(t *testing.T, email, ip string) (code string) {
	t.Helper()
	deployment.Eventually(t, "a code comes by mail", func() bool {
		for _, m := range s.Mails(email) {
			if strings.Contains(m.Text, ip) {
				code = sixDigits.FindString(m.Text)
			}
		}
		return code != ""
	})
	return code
}
