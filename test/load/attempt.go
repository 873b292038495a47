package load

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
)

var errNoCode = errors.New("no code came by mail")

// userAgent is everybody's: which device it is, its secret says.
const userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"

// signUp makes an account. Its device is known from then on.
func (g *Generator) signUp(ctx context.Context) {
	p := &person{place: doorward.From{IP: pick(g.people, g.cfg.Places), UserAgent: userAgent, Language: "en"}}
	p.user.Email, p.user.Password = strings.ToLower(rand.Text()[:12])+"@load.example.com", rand.Text()
	a, err := insist(ctx, patience, func(ctx context.Context) (*doorward.Attempt, error) {
		return g.client.SignUp(ctx, p.user.Email, p.place)
	})
	if err == nil {
		err = a.NewPassword(ctx, p.user.Password)
	}
	if err != nil {
		g.giveUp(SignUp, p.user.Email, err)
		return
	}
	if g.finishByCode(ctx, SignUp, p, &browser{from: p.place}, a) {
		g.people.add(p)
	}
}

// signIn begins one more session on a known device.
func (g *Generator) signIn(ctx context.Context, p *person) {
	b := pick(g.people, p.browsers)
	a, err := insist(ctx, patience, func(ctx context.Context) (*doorward.Attempt, error) {
		return g.client.SignIn(ctx, p.user.Email, b.from)
	})
	if err != nil {
		g.giveUp(SignIn, p.user.Email, err)
		return
	}
	err = a.Password(ctx, p.user.Password)
	switch {
	case lost(err):
		g.loseTrack(SignIn, p.user.Email, "", err)
		g.abandon(p, b)
	case err != nil:
		g.giveUp(SignIn, p.user.Email, err)
	case a.Next() == doorward.Done:
		g.acknowledge(SignIn, p, b, a)
	case a.Next() == doorward.DeviceVerification && g.mayBeMailed(p):
		g.finishByCode(ctx, SignIn, p, b, a)
	default:
		g.giveUp(SignIn, p.user.Email, next(a))
	}
}

// newDevice begins a session on a device that isn't known.
func (g *Generator) newDevice(ctx context.Context, p *person) {
	a, err := insist(ctx, patience, func(ctx context.Context) (*doorward.Attempt, error) {
		return g.client.SignIn(ctx, p.user.Email, p.place)
	})
	if err == nil {
		err = a.Password(ctx, p.user.Password)
	}
	switch {
	case err != nil:
		g.giveUp(NewDevice, p.user.Email, err)
	case a.Next() == doorward.DeviceVerification:
		g.finishByCode(ctx, NewDevice, p, &browser{from: p.place}, a)
	case a.Next() == doorward.Done:
		g.Ledger.breach("%s got in on a device that isn't known, with no second check", p.user.Email)
	default:
		g.giveUp(NewDevice, p.user.Email, next(a))
	}
}

// finishByCode has a code sent and answers with it. A code that came late from an attempt that was given up is wrong, and the next is awaited.
func (g *Generator) finishByCode(ctx context.Context, kind Kind, p *person, b *browser, a *doorward.Attempt) bool {
	codes := g.postbox.expect(p.user.Email)
	defer codes.end()
	p.codes = append(p.codes, time.Now())
	if err := sendCode(ctx, a); err != nil {
		g.giveUp(kind, p.user.Email, err)
		return false
	}
	for {
		code, ok := codes.next(ctx, patience)
		if !ok {
			g.giveUp(kind, p.user.Email, errNoCode)
			return false
		}
		err := a.Code(ctx, code)
		switch {
		case lost(err):
			g.loseTrack(kind, p.user.Email, "", err)
			g.abandon(p, b)
			return false
		case err != nil:
			g.giveUp(kind, p.user.Email, err)
			return false
		case a.Next() == doorward.Done:
			g.acknowledge(kind, p, b, a)
			return true
		case a.LastAnswer().Outcome != doorward.Wrong:
			g.giveUp(kind, p.user.Email, next(a))
			return false
		}
	}
}

// sendCode asks until there is an answer. That it is too soon for another says that one is on its way.
func sendCode(ctx context.Context, a *doorward.Attempt) error {
	_, err := insist(ctx, patience, func(ctx context.Context) (struct{}, error) { return struct{}{}, a.SendCode(ctx) })
	if reason, _ := doorward.ReasonOf(err); reason == typev1.Reason_REASON_CODE_TOO_SOON {
		return nil
	}
	return err
}

// acknowledge keeps what an attempt ended with.
func (g *Generator) acknowledge(kind Kind, p *person, b *browser, a *doorward.Attempt) {
	grant, ok := a.Grant()
	if !ok {
		g.Ledger.breach("%s is done with a %s and has no session", p.user.Email, kind)
		return
	}
	now := time.Now()
	if kind == SignUp {
		p.user.ID, p.user.At = grant.UserID, now
		g.Ledger.addUser(p.user)
	} else if grant.UserID != p.user.ID {
		g.Ledger.breach("%s was signed in as %s, and is %s", p.user.Email, grant.UserID, p.user.ID)
	}
	if kind != SignIn {
		p.browsers = append(p.browsers, b)
		p.browsers = p.browsers[max(0, len(p.browsers)-maxBrowsers):]
	}
	g.forget(b.use(grant))
	g.Ledger.addSession(kind, Session{
		ID: grant.SessionID, UserID: grant.UserID, Email: p.user.Email, At: now, SignUp: kind == SignUp, NewDevice: kind == NewDevice,
		RefreshToken: grant.RefreshToken, From: b.from,
	})
	g.renew(b)
}

// renew writes down that a browser's sessions are refreshed with its newest secret.
func (g *Generator) renew(b *browser) {
	for _, s := range b.sessions {
		g.Ledger.change(s.id, func(known *Session) { known.From = b.from })
	}
}

// abandon leaves a browser whose secret may have been replaced by an answer that was lost.
func (g *Generator) abandon(p *person, b *browser) {
	p.drop(b)
	g.forget(b.sessions)
}

// forget writes down that nobody knows any more how these sessions would be refreshed.
func (g *Generator) forget(sessions []*held) {
	for _, s := range sessions {
		g.Ledger.change(s.id, func(known *Session) { known.Unsure = true })
	}
}

// next tells where an attempt stands that leads nowhere.
func next(a *doorward.Attempt) error {
	return fmt.Errorf("next step %v, last answer %v, refusal %v", a.Next(), a.LastAnswer().Outcome, a.Refusal())
}
