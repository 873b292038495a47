package rpc

import (
	"context"

	"github.com/doorward/doorward/internal/access"
)

// admit asks whether there is room for the call, who calls, and whether the table
// lets them. A method without a row, and a call that there is no room for, are
// refused before anybody is asked who they are; a row for the public alone asks
// nobody: a health check must not depend on the store of API keys.
func (s *Server) admit(authenticate Authenticate) func(context.Context, *call) error {
	return func(ctx context.Context, c *call) error {
		rule, err := s.guard.Rule(ctx, c.method)
		if err != nil {
			return err
		}
		if err := s.load.enter(ctx, c, rule.Priority); err != nil {
			return err
		}
		defer s.load.leave(c, rule.Priority)
		principal := access.Principal{Kind: access.Public}
		if rule.Callers != access.Public {
			if principal, err = authenticate(ctx); err != nil {
				return err
			}
		} else {
			principal.Certificate, _ = PeerName(ctx) // it has a pace of its own
		}
		if !principal.Peer.IsValid() {
			principal.Peer = peerAddr(ctx)
		}
		c.caller = principal
		if err := s.guard.Judge(c.method, rule, principal); err != nil {
			return err
		}
		return c.next(access.NewContext(ctx, principal))
	}
}
