package api

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/invitation"
)

var invitationStateMessage = map[invitation.State]authnv1.InvitationState{
	invitation.Pending:  authnv1.InvitationState_INVITATION_STATE_PENDING,
	invitation.Accepted: authnv1.InvitationState_INVITATION_STATE_ACCEPTED,
	invitation.Revoked:  authnv1.InvitationState_INVITATION_STATE_REVOKED,
	invitation.Expired:  authnv1.InvitationState_INVITATION_STATE_EXPIRED,
}

type invitations struct {
	authnv1.UnimplementedInvitationServiceServer
	flow *flow.Invitations
	now  func() time.Time
}

var _ authnv1.InvitationServiceServer = (*invitations)(nil)

// CreateInvitations invites addresses.
func (i *invitations) CreateInvitations(ctx context.Context, req *authnv1.CreateInvitationsRequest) (*authnv1.CreateInvitationsResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	results, err := i.flow.Create(ctx, by, req.GetEmails(), req.GetReturnTokens(), req.GetNote())
	if err != nil {
		return nil, err
	}
	now := i.now()
	response := &authnv1.CreateInvitationsResponse{}
	for _, r := range results {
		response.Results = append(response.Results, &authnv1.InvitationResult{
			Email: r.Email, Invitation: invitationMessage(&r.Invitation, now), Token: r.Token.Reveal(),
			UserId: r.UserID, RefusedBy: string(r.RefusedBy), ReplacedId: r.ReplacedID,
		})
	}
	return response, nil
}

// ListInvitations is a page of the invitations.
func (i *invitations) ListInvitations(ctx context.Context, req *authnv1.ListInvitationsRequest) (*authnv1.ListInvitationsResponse, error) {
	before, err := pageID(req, "inv")
	if err != nil {
		return nil, err
	}
	which := flow.Which{State: wordOf(invitationStateMessage, req.GetState()), Email: req.GetEmail()}
	page, next, err := i.flow.List(ctx, which, before, pageSize(req))
	if err != nil {
		return nil, err
	}
	now := i.now()
	response := &authnv1.ListInvitationsResponse{NextPageToken: next}
	for n := range page {
		response.Invitations = append(response.Invitations, invitationMessage(&page[n], now))
	}
	return response, nil
}

// RevokeInvitation makes an invitation useless.
func (i *invitations) RevokeInvitation(ctx context.Context, req *authnv1.RevokeInvitationRequest) (*authnv1.RevokeInvitationResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	revoked, err := i.flow.Revoke(ctx, by, req.GetInvitationId(), req.GetEmail(), req.GetNote())
	if err != nil {
		return nil, err
	}
	return &authnv1.RevokeInvitationResponse{Invitation: invitationMessage(&revoked, i.now())}, nil
}

// invitationMessage is nil for none.
func invitationMessage(i *invitation.Invitation, now time.Time) *authnv1.Invitation {
	if i.ID == "" {
		return nil
	}
	m := &authnv1.Invitation{
		Id: i.ID, Email: i.Email, State: invitationStateMessage[i.State(now)],
		CreatedAt: timestamppb.New(i.CreatedAt), CreatedBy: i.CreatedBy, Note: i.Note, ExpiresAt: timestamppb.New(i.ExpiresAt),
		AcceptedBy: i.AcceptedBy,
	}
	if !i.RevokedAt.IsZero() {
		m.RevokedAt = timestamppb.New(i.RevokedAt)
	}
	if !i.AcceptedAt.IsZero() {
		m.AcceptedAt = timestamppb.New(i.AcceptedAt)
	}
	return m
}
