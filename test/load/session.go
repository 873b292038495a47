package load

import (
	"context"
	"errors"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/verify"
)

const (
	// againWithin is how long a refresh token is presented again: authn gives the same successor for 10 s, and a call may take as long as one does.
	againWithin = 10*time.Second - 2*callTimeout
	// refusedWithin is how long after its revocation a session may be let in at most: the feed counts as stale after 5 s, authn's answer counts for
	// another, and the machine is busy.
	refusedWithin = 8 * time.Second
	// fresh is how long a token must still be good for to show anything.
	fresh = refusedWithin + 2*time.Second
)

// choose picks one of the person's sessions.
func (g *Generator) choose(p *person) (*browser, *held) {
	var with []*browser
	for _, b := range p.browsers {
		if len(b.sessions) > 0 {
			with = append(with, b)
		}
	}
	b := pick(g.people, with)
	return b, pick(g.people, b.sessions)
}

func (g *Generator) refresh(ctx context.Context, p *person) {
	b, s := g.choose(p)
	g.refreshSession(ctx, p, b, s)
}

// refreshSession uses a refresh token up, and presents it again when the answer is lost.
func (g *Generator) refreshSession(ctx context.Context, p *person, b *browser, s *held) {
	tries := 0
	tokens, err := insist(ctx, againWithin, func(ctx context.Context) (doorward.Tokens, error) {
		tries++
		return g.client.Refresh(ctx, s.refresh, b.from)
	})
	switch {
	case err == nil:
		s.token, s.expires, s.refresh = tokens.SessionToken, tokens.SessionTokenExpiresAt, tokens.RefreshToken
		g.Ledger.count(Refresh, Acknowledged)
		g.Ledger.change(s.id, func(known *Session) { known.RefreshToken = s.refresh; known.Refreshes++ })
		if tries > 1 {
			g.Ledger.recovered()
		}
	case lost(err):
		b.drop(s)
		g.loseTrack(Refresh, p.user.Email, s.id, err)
		g.Ledger.change(s.id, func(known *Session) { known.Unsure = true })
	default:
		g.giveUp(Refresh, p.user.Email, err)
		if !busy(err) {
			b.drop(s)
			g.Ledger.breach("session %s of %s, acknowledged and never revoked, isn't refreshed at try %d: %v", s.id, p.user.Email, tries, err)
		}
	}
}

// revoke has an operator end a session, and sees to it that it has ended.
func (g *Generator) revoke(ctx context.Context, p *person) {
	b, s := g.choose(p)
	b.drop(s)
	_, err := insist(ctx, patience, func(ctx context.Context) (*authnv1.RevokeSessionResponse, error) {
		return g.cfg.Operator.RevokeSession(ctx, &authnv1.RevokeSessionRequest{SessionId: s.id, Note: "load"})
	})
	acknowledged := time.Now()
	switch {
	case lost(err):
		g.loseTrack(Revoke, p.user.Email, s.id, err)
		g.Ledger.change(s.id, func(known *Session) { known.MaybeRevoked = true })
		return
	case err != nil:
		g.giveUp(Revoke, p.user.Email, err)
		g.Ledger.change(s.id, func(known *Session) { known.MaybeRevoked = true })
		if !busy(err) {
			g.Ledger.breach("session %s of %s, acknowledged, can't be revoked: %v", s.id, p.user.Email, err)
		}
		return
	}
	g.Ledger.count(Revoke, Acknowledged)
	g.Ledger.change(s.id, func(known *Session) { known.RevokedAt = acknowledged })
	g.expectRefusal(ctx, s, acknowledged)
	_, err = insist(ctx, patience, func(ctx context.Context) (doorward.Tokens, error) { return g.client.Refresh(ctx, s.refresh, b.from) })
	if !lost(err) && !busy(err) && !ended(err) {
		g.Ledger.breach("session %s, revoked, is refreshed: %v", s.id, err)
	}
}

// expectRefusal asks the verifier until it doesn't let the session in.
func (g *Generator) expectRefusal(ctx context.Context, s *held, since time.Time) {
	if time.Until(s.expires) < fresh {
		return
	}
	for {
		_, err := g.verifier.Verify(ctx, s.token.Reveal())
		after := time.Since(since)
		switch {
		case errors.Is(err, verify.ErrSessionEnded):
			g.Ledger.refused(after)
			return
		case err != nil: // it can't tell, and so doesn't let it in
			return
		case after > refusedWithin:
			g.Ledger.breach("session %s, revoked, is let in %v later", s.id, after.Round(time.Millisecond))
			return
		case !wait(ctx, tick):
			return
		}
	}
}

// verify checks a session's token as a guarded backend does. One that has expired is refreshed instead.
func (g *Generator) verify(ctx context.Context, p *person) {
	b, s := g.choose(p)
	if time.Until(s.expires) < callTimeout {
		g.refreshSession(ctx, p, b, s)
		return
	}
	_, err := g.verifier.Verify(ctx, s.token.Reveal())
	switch {
	case err == nil:
		g.Ledger.count(Verify, Acknowledged)
	case errors.Is(err, verify.ErrSessionEnded), errors.Is(err, verify.ErrTokenInvalid):
		g.Ledger.count(Verify, Refused)
		g.Ledger.breach("session %s of %s, acknowledged and never revoked, isn't let in: %v", s.id, p.user.Email, err)
	default:
		g.Ledger.count(Verify, GivenUp)
	}
}
