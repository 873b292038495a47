package api

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// What every signing key is, in the words of RFC 8037.
const (
	algorithm = "EdDSA"
	keyType   = "OKP"
	curve     = "Ed25519"
)

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
