package story

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
)

// stepTime bounds one step. Each takes a fraction of a second; what takes longer isn't coming.
const stepTime = 20 * time.Second

// play is a story under way.
type play struct {
	World
	email, password string
	began           time.Time
	lastMail        int

	owner    doorward.Grant // on the trusted device
	stranger doorward.Grant
	alert    Mail
	link     string
}

// Play plays the story from its first step to its last, for a new account.
func Play(ctx context.Context, w World) error {
	p := &play{
		World:    w,
		email:    "ada." + rand.Text()[:10] + "@example.com",
		password: rand.Text(),
		began:    time.Now(),
	}
	for i, step := range []func(context.Context) (text, seen string, err error){
		p.signUp, p.signInAgain, p.strangerComes, p.strangerPasses, p.linkChangesNothing, p.notMe, p.strangerStaysOut, p.ownerReturns,
	} {
		if err := p.take(ctx, i+1, step); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

func (p *play) take(ctx context.Context, number int, step func(context.Context) (text, seen string, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	began := time.Now()
	text, seen, err := step(ctx)
	if err != nil {
		return err
	}
	p.Report(Step{Number: number, Text: text, Seen: seen, Took: time.Since(began)})
	return nil
}

func (p *play) home() doorward.From {
	return doorward.From{IP: p.Home.IP, UserAgent: homeBrowser, Language: "en", DeviceSecret: p.owner.DeviceSecret}
}

func (p *play) away() doorward.From {
	return doorward.From{IP: p.Away.IP, UserAgent: awayBrowser, Language: "en"}
}

// signUp: the code comes by mail, a session starts, the device is trusted.
func (p *play) signUp(ctx context.Context) (text, seen string, err error) {
	a, err := p.Doorward.SignUp(ctx, p.email, p.home())
	if err != nil {
		return "", "", err
	}
	if err := a.NewPassword(ctx, p.password); err != nil {
		return "", "", err
	}
	mail, err := p.passByMail(ctx, a, doorward.EmailVerification)
	if err != nil {
		return "", "", err
	}
	if p.owner, err = granted(a); err != nil {
		return "", "", err
	}
	event, err := p.Events.Await(ctx, "authn.user.signed_up.v1", p.owner.UserID)
	if err != nil {
		return "", "", err
	}
	return "Ada signs up from " + p.Home.Country + "; a code comes by mail, her device is trusted",
		fmt.Sprintf("mail %q, event %s", mail.Subject, event), nil
}

// signInAgain: on the trusted device the password is enough.
func (p *play) signInAgain(ctx context.Context) (text, seen string, err error) {
	a, err := p.begin(ctx, p.home())
	if err != nil {
		return "", "", err
	}
	if p.owner, err = granted(a); err != nil {
		return "", "", err
	}
	event, err := p.Events.Await(ctx, "authn.signin.succeeded.v1", p.owner.UserID)
	if err != nil {
		return "", "", err
	}
	return "She signs in again on the same device: the password is enough", "step DONE, event " + event, nil
}

// strangerComes: the right password, but not the device nor the country.
func (p *play) strangerComes(ctx context.Context) (text, seen string, err error) {
	a, err := p.begin(ctx, p.away())
	if err != nil {
		return "", "", err
	}
	if err := expect(a.Next() == doorward.DeviceVerification, "the step is %v", a.Next()); err != nil {
		return "", "", err
	}
	mail, err := p.passByMail(ctx, a, doorward.DeviceVerification)
	if err != nil {
		return "", "", err
	}
	if p.stranger, err = granted(a); err != nil {
		return "", "", err
	}
	return "A stranger signs in from " + p.Away.Country + " with her password: a code goes to Ada's mailbox",
		fmt.Sprintf("step DEVICE_VERIFICATION, mail %q", mail.Subject), nil
}

// strangerPasses: the stranger has the mailbox too. The session works, and the owner is alerted.
func (p *play) strangerPasses(ctx context.Context) (text, seen string, err error) {
	event, err := p.Events.Await(ctx, "authn.signin.new_device.v1", p.owner.UserID)
	if err != nil {
		return "", "", err
	}
	if err := p.Guarded.Call(ctx, p.stranger.SessionToken); err != nil {
		return "", "", fmt.Errorf("the guarded service refuses the stranger too early: %w", err)
	}
	if p.alert, err = p.nextMail(ctx); err != nil {
		return "", "", err
	}
	if p.link, err = p.alert.link(); err != nil {
		return "", "", err
	}
	return "The stranger reads her mail too, and is in: the guarded service accepts the session, and Ada is alerted",
		fmt.Sprintf("event %s, mail %q", event, p.alert.Subject), nil
}

// begin starts a sign-in and gives the password.
func (p *play) begin(ctx context.Context, from doorward.From) (*doorward.Attempt, error) {
	a, err := p.Doorward.SignIn(ctx, p.email, from)
	if err != nil {
		return nil, err
	}
	return a, a.Password(ctx, p.password)
}

// passByMail has a code sent and answers with it.
func (p *play) passByMail(ctx context.Context, a *doorward.Attempt, at doorward.Step) (Mail, error) {
	if err := expect(a.Next() == at, "the step is %v", a.Next()); err != nil {
		return Mail{}, err
	}
	if err := a.SendCode(ctx); err != nil {
		return Mail{}, err
	}
	mail, err := p.nextMail(ctx)
	if err != nil {
		return Mail{}, err
	}
	code, err := mail.code()
	if err != nil {
		return Mail{}, err
	}
	return mail, a.Code(ctx, code)
}

func (p *play) nextMail(ctx context.Context) (Mail, error) {
	mail, err := p.Inbox.Await(ctx, p.email, p.lastMail)
	if err == nil {
		p.lastMail = mail.ID
	}
	return mail, err
}

func granted(a *doorward.Attempt) (doorward.Grant, error) {
	grant, ok := a.Grant()
	return grant, expect(ok, "the step is %v and the last answer %v", a.Next(), a.LastAnswer().Outcome)
}

func reasonName(r typev1.Reason) string { return r.String()[len("REASON_"):] }
