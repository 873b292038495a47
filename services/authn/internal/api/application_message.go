package api

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/services/authn/internal/application"
)

var scopeMessage = map[application.Scope]authnv1.Scope{
	application.SpeakForUsers: authnv1.Scope_SCOPE_SPEAK_FOR_USERS,
	application.Operator:      authnv1.Scope_SCOPE_OPERATOR,
}

func applicationMessage(a *application.Application) *authnv1.Application {
	return &authnv1.Application{
		Id:        a.ID,
		Name:      a.Name,
		Audience:  a.Audience,
		CreatedAt: timestamppb.New(a.CreatedAt),
	}
}

// apiKeyMessage is a key as an operator sees it: never the key itself, nor its digest.
func apiKeyMessage(k *application.Key) *authnv1.ApiKey {
	m := &authnv1.ApiKey{
		Id:            k.ID,
		ApplicationId: k.ApplicationID,
		CreatedAt:     timestamppb.New(k.CreatedAt),
		ExpiresAt:     timestamp(k.ExpiresAt),
		RevokedAt:     timestamp(k.RevokedAt),
		SuccessorId:   k.SuccessorID,
	}
	for _, s := range k.Scopes {
		m.Scopes = append(m.Scopes, scopeMessage[s])
	}
	return m
}
