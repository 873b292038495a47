package api

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/token"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// What every signing key is, in the words of RFC 8037.
const (
	algorithm = "EdDSA"
	keyType   = "OKP"
	curve     = "Ed25519"
)

var keyStateMessage = map[token.State]authnv1.SigningKeyState{
	token.Next:    authnv1.SigningKeyState_SIGNING_KEY_STATE_NEXT,
	token.Current: authnv1.SigningKeyState_SIGNING_KEY_STATE_CURRENT,
	token.Retired: authnv1.SigningKeyState_SIGNING_KEY_STATE_RETIRED,
}

type keys struct {
	authnv1.UnimplementedKeyServiceServer
	flow   *flow.Keys
	policy func(context.Context) tuning.Policy
}

var _ authnv1.KeyServiceServer = (*keys)(nil)

// GetKeySet returns the public signing keys.
func (k *keys) GetKeySet(ctx context.Context, _ *authnv1.GetKeySetRequest) (*authnv1.GetKeySetResponse, error) {
	ring := k.flow.Keyring()
	set := &authnv1.GetKeySetResponse{
		MaxAge:               durationpb.New(flow.KeySetMaxAge),
		Issuer:               ring.Issuer(),
		SessionTokenLifetime: durationpb.New(k.policy(ctx).SessionTokenLifetime),
	}
	for _, key := range ring.Published() {
		set.Keys = append(set.Keys, &authnv1.SigningKey{
			Id:        key.ID,
			Algorithm: algorithm,
			Type:      keyType,
			Curve:     curve,
			X:         key.Public,
		})
	}
	return set, nil
}

// ListSigningKeys is all signing keys.
func (k *keys) ListSigningKeys(ctx context.Context, _ *authnv1.ListSigningKeysRequest) (*authnv1.ListSigningKeysResponse, error) {
	all, err := k.flow.List(ctx)
	if err != nil {
		return nil, err
	}
	response := &authnv1.ListSigningKeysResponse{}
	for _, placed := range all {
		response.Keys = append(response.Keys, signingKeyMessage(placed))
	}
	return response, nil
}

// RotateSigningKey begins the next rotation.
func (k *keys) RotateSigningKey(ctx context.Context, req *authnv1.RotateSigningKeyRequest) (*authnv1.RotateSigningKeyResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	next, err := k.flow.Rotate(ctx, by, req.GetNote())
	if err != nil {
		return nil, err
	}
	return &authnv1.RotateSigningKeyResponse{Next: signingKeyMessage(next)}, nil
}

// ReplaceSigningKeys replaces all signing keys at once.
func (k *keys) ReplaceSigningKeys(ctx context.Context, req *authnv1.ReplaceSigningKeysRequest) (*authnv1.ReplaceSigningKeysResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	replaced, err := k.flow.Replace(ctx, by, req.GetNote())
	if err != nil {
		return nil, err
	}
	return &authnv1.ReplaceSigningKeysResponse{Current: signingKeyMessage(replaced.Current), RevokedKeyIds: replaced.Revoked}, nil
}

func signingKeyMessage(k token.Placed) *authnv1.SigningKeyStatus {
	return &authnv1.SigningKeyStatus{
		Id:        k.ID,
		State:     keyStateMessage[k.State],
		CreatedAt: timestamppb.New(k.CreatedAt),
		SignsFrom: timestamppb.New(k.SignsFrom),
	}
}
