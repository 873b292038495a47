package rpc

import (
	"context"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/doorward/doorward/internal/access"
)

// admit asks whether there is room for the call, who calls, and whether the table
// lets them. A method without a row, and a call that there is no room for, are
// refused before anybody is asked who they are; a row for the public alone asks
// nobody: a health check must not depend on the store of API keys.
func (s *Server) admit(authenticate Authenticate) around {
	return func(ctx context.Context, c *call, next func(context.Context) error) error {
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
			if principal, err = identify(ctx, authenticate); err != nil {
				return err
			}
		}
		if !principal.Peer.IsValid() {
			principal.Peer = peerAddr(ctx)
		}
		c.caller = principal
		if err := s.guard.Admit(ctx, c.method, principal); err != nil {
			return err
		}
		return next(access.NewContext(ctx, principal))
	}
}

func identify(ctx context.Context, authenticate Authenticate) (access.Principal, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	p, _ := peer.FromContext(ctx)
	return authenticate(ctx, md, p)
}
