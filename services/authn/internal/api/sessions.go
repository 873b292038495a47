package api

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

type sessions struct {
	authnv1.UnimplementedSessionServiceServer
	flow *flow.Sessions
	now  func() time.Time
}

var _ authnv1.SessionServiceServer = (*sessions)(nil)

// RefreshSession exchanges a refresh token.
func (s *sessions) RefreshSession(ctx context.Context, req *authnv1.RefreshSessionRequest) (*authnv1.RefreshSessionResponse, error) {
	by, err := speakerOf(ctx, req.GetClient())
	if err != nil {
		return nil, err
	}
	tokens, err := s.flow.Refresh(ctx, by.applicationID, by.client, secret.Wrap(req.GetRefreshToken()))
	if err != nil {
		return nil, err
	}
	return &authnv1.RefreshSessionResponse{
		SessionToken:          tokens.SessionToken.Reveal(),
		SessionTokenExpiresAt: timestamppb.New(tokens.ExpiresAt),
		RefreshToken:          tokens.RefreshToken.Reveal(),
	}, nil
}

// VerifySession checks a session token against its session.
func (s *sessions) VerifySession(ctx context.Context, req *authnv1.VerifySessionRequest) (*authnv1.VerifySessionResponse, error) {
	by, err := applicationOf(ctx)
	if err != nil {
		return nil, err
	}
	verified, err := s.flow.Verify(ctx, by, secret.Wrap(req.GetSessionToken()))
	if err != nil {
		return nil, err
	}
	return &authnv1.VerifySessionResponse{
		UserId:           verified.UserID,
		SessionId:        verified.SessionID,
		SessionExpiresAt: timestamppb.New(verified.SessionExpiresAt),
	}, nil
}

// ListSessions is a page of a user's sessions.
func (s *sessions) ListSessions(ctx context.Context, req *authnv1.ListSessionsRequest) (*authnv1.ListSessionsResponse, error) {
	before, err := pageID(req, "ses")
	if err != nil {
		return nil, err
	}
	page, next, err := s.flow.List(ctx, whose(req), before, pageSize(req))
	if err != nil {
		return nil, err
	}
	response := &authnv1.ListSessionsResponse{NextPageToken: next}
	for i := range page {
		response.Sessions = append(response.Sessions, sessionMessage(&page[i], s.now()))
	}
	return response, nil
}

// RevokeSession ends a session at once.
func (s *sessions) RevokeSession(ctx context.Context, req *authnv1.RevokeSessionRequest) (*authnv1.RevokeSessionResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	revoked, err := s.flow.Revoke(ctx, by, req.GetSessionId(), req.GetNote())
	if err != nil {
		return nil, err
	}
	return &authnv1.RevokeSessionResponse{Session: sessionMessage(&revoked, s.now())}, nil
}

// RevokeUserSessions ends all of a user's sessions at once.
func (s *sessions) RevokeUserSessions(ctx context.Context, req *authnv1.RevokeUserSessionsRequest) (*authnv1.RevokeUserSessionsResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	revoked, err := s.flow.RevokeAll(ctx, by, whose(req), req.GetNote())
	if err != nil {
		return nil, err
	}
	return &authnv1.RevokeUserSessionsResponse{UserId: revoked.UserID, SessionIds: revoked.Sessions}, nil
}
