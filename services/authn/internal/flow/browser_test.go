package flow_test

import (
	"testing"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

const (
	homeIP     = "192.0.2.10"
	strangerIP = "203.0.113.7"

	firefox = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:128.0) Gecko/20100101 Firefox/128.0"
	chrome  = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)

// browser is one user agent: what it sends along, and the device secret that it keeps.
type browser struct {
	w      *world
	app    string
	client flow.Client
}

// laptop is a browser of the owner's, and stranger is somebody else's.
func (w *world) laptop() *browser {
	return &browser{w: w, app: w.app, client: flow.Client{IP: homeIP, UserAgent: firefox, Language: "de-CH"}}
}

func (w *world) stranger() *browser {
	return &browser{w: w, app: w.app, client: flow.Client{IP: strangerIP, UserAgent: chrome, Language: "pt-BR"}}
}

// trial is an attempt in a browser's hands.
type trial struct {
	b *browser
	flow.Started
	ticket flow.Ticket
}

func (b *browser) signIn(address string) *trial {
	b.w.t.Helper()
	started, err := b.w.attempts.StartSignIn(b.w.t.Context(), b.app, b.client, address)
	b.w.must(err)
	return b.holding(started)
}

func (b *browser) signUp(address string) *trial {
	b.w.t.Helper()
	return b.signUpInvited(address, secret.Text{})
}

// signUpInvited begins a sign-up with the token of an invitation.
func (b *browser) signUpInvited(address string, token secret.Text) *trial {
	b.w.t.Helper()
	started, err := b.w.attempts.StartSignUp(b.w.t.Context(), b.app, b.client, address, token)
	b.w.must(err)
	return b.holding(started)
}

func (b *browser) holding(s flow.Started) *trial {
	return &trial{b: b, Started: s, ticket: flow.Ticket{
		AttemptID: s.Attempt.ID, Secret: s.Secret, ApplicationID: b.app, Client: b.client,
	}}
}

func password(p string) flow.Answer    { return flow.Answer{Password: secret.Wrap(p)} }
func newPassword(p string) flow.Answer { return flow.Answer{NewPassword: secret.Wrap(p)} }
func code(c string) flow.Answer        { return flow.Answer{Code: secret.Wrap(c)} }

func (tr *trial) try(a flow.Answer) (flow.Progress, error) {
	return tr.b.w.attempts.Continue(tr.b.w.t.Context(), tr.ticket, a)
}

// answer gives an answer that must be heard, and keeps the device secret that a grant brings.
func (tr *trial) answer(a flow.Answer) flow.Progress {
	tr.b.w.t.Helper()
	p, err := tr.try(a)
	tr.b.w.must(err)
	if p.Grant != nil {
		tr.b.client.DeviceSecret = p.Grant.DeviceSecret
	}
	return p
}

func (tr *trial) prepare() error {
	_, _, err := tr.b.w.attempts.Prepare(tr.b.w.t.Context(), tr.ticket, attempt.EmailCode)
	return err
}

// mailed has a code sent and reads the mail.
func (tr *trial) mailed() mail {
	tr.b.w.t.Helper()
	tr.b.w.must(tr.prepare())
	mails := tr.b.w.mails()
	return mails[len(mails)-1]
}

// nextCode waits until an address may be sent another code.
func (w *world) nextCode() { w.clock.advance(w.rules.CodeInterval) }

// code has a code sent and returns it.
func (tr *trial) code() string {
	tr.b.w.t.Helper()
	return tr.mailed().content.GetCode()
}

// enrol signs the user up.
func (b *browser) enrol(address, pass string) flow.Grant {
	b.w.t.Helper()
	tr := b.signUp(address)
	expectStep(b.w.t, tr.answer(newPassword(pass)), attempt.EmailVerification, "")
	done := tr.answer(code(tr.code()))
	expectStep(b.w.t, done, attempt.Done, "")
	return *done.Grant
}

// enter signs the user in, with a mailed code where one is asked for.
func (b *browser) enter(address, pass string) flow.Grant {
	b.w.t.Helper()
	tr := b.signIn(address)
	p := tr.answer(password(pass))
	if p.Step == attempt.DeviceVerification {
		p = tr.answer(code(tr.code()))
	}
	expectStep(b.w.t, p, attempt.Done, "")
	return *p.Grant
}

func expectStep(t *testing.T, p flow.Progress, step attempt.Step, refusal attempt.Refusal) {
	t.Helper()
	if p.Step != step || p.Refusal != refusal {
		t.Fatalf("step %q, refusal %q; want %q, %q", p.Step, p.Refusal, step, refusal)
	}
	if (p.Grant != nil) != (step == attempt.Done) {
		t.Fatalf("step %q with grant: %v", p.Step, p.Grant != nil)
	}
}

func expectFared(t *testing.T, p flow.Progress, outcome attempt.Outcome, left int) {
	t.Helper()
	if p.Answer == nil {
		t.Fatalf("no word on the answer; want %q", outcome)
	}
	if p.Answer.Outcome != outcome || p.Answer.AnswersLeft != left {
		t.Fatalf("answer %q with %d left; want %q with %d", p.Answer.Outcome, p.Answer.AnswersLeft, outcome, left)
	}
}

func expectFault(t *testing.T, err error, kind fault.Kind, reason typev1.Reason) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || fault.ReasonOf(err) != reason {
		t.Fatalf("error %v; want %v %v", err, kind, reason)
	}
}
