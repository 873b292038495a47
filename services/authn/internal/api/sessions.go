package api

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

// defaultPage is how many sessions a page has when the caller doesn't say.
const defaultPage = 50

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
		SessionId:        verified.ID,
		SessionExpiresAt: timestamppb.New(verified.ExpiresAt),
	}, nil
}

// ListSessions is a page of a user's sessions.
func (s *sessions) ListSessions(ctx context.Context, req *authnv1.ListSessionsRequest) (*authnv1.ListSessionsResponse, error) {
	if token := req.GetPageToken(); token != "" && !id.Valid("ses", token) {
		return nil, errInvalidField.Field("page_token", "must be the next_page_token of a page before")
	}
	size := int(req.GetPageSize())
	if size == 0 {
		size = defaultPage
	}
	page, next, err := s.flow.List(ctx, flow.Whose{UserID: req.GetUserId(), Email: req.GetEmail()}, req.GetPageToken(), size)
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
