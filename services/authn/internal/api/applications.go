package api

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/services/authn/internal/application"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

// defaultOverlap is how long a rotated key lives on when the caller doesn't say.
const defaultOverlap = 24 * time.Hour

var scopeOf = map[authnv1.Scope]application.Scope{
	authnv1.Scope_SCOPE_SPEAK_FOR_USERS: application.SpeakForUsers,
	authnv1.Scope_SCOPE_OPERATOR:        application.Operator,
}

type applications struct {
	authnv1.UnimplementedApplicationServiceServer
	flow *flow.Operators
}

var _ authnv1.ApplicationServiceServer = (*applications)(nil)

// CreateApplication registers an application.
func (a *applications) CreateApplication(ctx context.Context, req *authnv1.CreateApplicationRequest) (*authnv1.CreateApplicationResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	made, err := a.flow.CreateApplication(ctx, by, req.GetName(), req.GetAudience())
	if err != nil {
		return nil, err
	}
	return &authnv1.CreateApplicationResponse{Application: applicationMessage(&made)}, nil
}

// ListApplications is a page of the applications with their keys.
func (a *applications) ListApplications(ctx context.Context, req *authnv1.ListApplicationsRequest) (*authnv1.ListApplicationsResponse, error) {
	after, err := pageName(req)
	if err != nil {
		return nil, err
	}
	page, next, err := a.flow.ListApplications(ctx, after, pageSize(req))
	if err != nil {
		return nil, err
	}
	response := &authnv1.ListApplicationsResponse{NextPageToken: nameToken(next)}
	for i := range page {
		listed := &authnv1.ApplicationKeys{Application: applicationMessage(&page[i].Application)}
		for j := range page[i].Keys {
			listed.ApiKeys = append(listed.ApiKeys, apiKeyMessage(&page[i].Keys[j]))
		}
		response.Applications = append(response.Applications, listed)
	}
	return response, nil
}

// CreateApiKey gives an application one more key.
func (a *applications) CreateApiKey(ctx context.Context, req *authnv1.CreateApiKeyRequest) (*authnv1.CreateApiKeyResponse, error) { //nolint:revive // the contract spells it so
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	scopes, err := scopesOf(req.GetScopes())
	if err != nil {
		return nil, err
	}
	made, text, err := a.flow.CreateKey(ctx, by, req.GetApplicationId(), scopes)
	if err != nil {
		return nil, err
	}
	return &authnv1.CreateApiKeyResponse{ApiKeyId: made.ID, ApiKey: text.Reveal()}, nil
}

// scopesOf refuses a scope that it has no word for: a key that allows something else than was asked for is worse than none.
func scopesOf(asked []authnv1.Scope) ([]application.Scope, error) {
	var scopes []application.Scope
	for i, s := range asked {
		scope, ok := scopeOf[s]
		if !ok {
			return nil, errInvalidField.Field(fmt.Sprintf("scopes[%d]", i), "must be a scope that this version knows")
		}
		scopes = append(scopes, scope)
	}
	return scopes, nil
}

// RotateApiKey gives a key a successor.
func (a *applications) RotateApiKey(ctx context.Context, req *authnv1.RotateApiKeyRequest) (*authnv1.RotateApiKeyResponse, error) { //nolint:revive // the contract spells it so
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	overlap := defaultOverlap
	if req.GetOverlap() != nil {
		overlap = req.GetOverlap().AsDuration()
	}
	rotated, err := a.flow.RotateKey(ctx, by, req.GetApiKeyId(), overlap)
	if err != nil {
		return nil, err
	}
	return &authnv1.RotateApiKeyResponse{
		ApiKeyId:        rotated.Successor.ID,
		ApiKey:          rotated.Text.Reveal(),
		OldKeyExpiresAt: timestamppb.New(rotated.OldEnd),
	}, nil
}

// RevokeApiKey makes a key useless.
func (a *applications) RevokeApiKey(ctx context.Context, req *authnv1.RevokeApiKeyRequest) (*authnv1.RevokeApiKeyResponse, error) { //nolint:revive // the contract spells it so
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	revoked, err := a.flow.RevokeKey(ctx, by, req.GetApiKeyId(), req.GetNote())
	if err != nil {
		return nil, err
	}
	return &authnv1.RevokeApiKeyResponse{RevokedAt: timestamppb.New(revoked.RevokedAt)}, nil
}
