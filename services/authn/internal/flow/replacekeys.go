package flow

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/token"
)

// List are the signing keys with their places in the rotation, oldest first, without those that are revoked.
func (f *Keys) List(ctx context.Context) ([]token.Placed, error) {
	keys, err := f.list(ctx)
	if err != nil {
		return nil, err
	}
	return token.Places(keys, f.now()), nil
}

// Rotate begins the next rotation before its time, and answers with the key that comes. One that is on its way already is the answer.
func (f *Keys) Rotate(ctx context.Context, by Actor, note string) (token.Placed, error) {
	f.changing.Lock()
	defer f.changing.Unlock()
	now := f.now()
	made, err := token.NewSigningKey(f.sealing, now, now.Add(schedule.Overlap))
	if err != nil {
		return token.Placed{}, err
	}
	var keys []token.SigningKey
	var next token.SigningKey
	err = f.store.Update(ctx, func(tx store.Tx) error {
		var err error
		if keys, err = tx.SigningKeys.List(); err != nil {
			return err
		}
		var coming bool
		if next, coming = token.Coming(keys, now); !coming {
			next, keys = made, append(keys, made)
			if err := tx.SigningKeys.Put(made); err != nil {
				return err
			}
		}
		return tx.Audit.Append(by.record(now, "signing_key.rotate", "signing_key", next.ID, note))
	})
	if err != nil {
		return token.Placed{}, fmt.Errorf("rotate signing key: %w", err)
	}
	return token.Placed{SigningKey: next, State: token.Next}, f.putInForce(keys)
}

// Replaced is the key that signs from now on, and those whose tokens are refused from now on.
type Replaced struct {
	Current token.Placed
	Revoked []string
}

// Replace is for a key that somebody else may have. A new key signs at once; what all others signed is refused, here from the moment that the
// change is on disk, and at every verifier as soon as it hears of it. A verifier that hears of it and asks for the keys gets the new one, for
// nobody reads the keyring between commit and switch.
func (f *Keys) Replace(ctx context.Context, by Actor, note string) (Replaced, error) {
	f.changing.Lock()
	defer f.changing.Unlock()
	now := f.now()
	made, err := token.NewSigningKey(f.sealing, now, now)
	if err != nil {
		return Replaced{}, err
	}
	f.switching.Lock()
	defer f.switching.Unlock()
	var keys []token.SigningKey
	var revoked []string
	err = f.store.Update(ctx, func(tx store.Tx) (err error) {
		if keys, revoked, err = revokeKeys(tx, now); err != nil {
			return err
		}
		keys = append(keys, made)
		if err := tx.SigningKeys.Put(made); err != nil {
			return err
		}
		record := by.record(now, "signing_key.replace", "signing_key", made.ID, note)
		record.Detail = audit.Details("revoked", strings.Join(revoked, " "))
		return tx.Audit.Append(record)
	})
	if err != nil {
		return Replaced{}, fmt.Errorf("replace signing keys: %w", err)
	}
	ring, err := token.NewKeyring(f.issuer, f.sealing, keys)
	if err != nil {
		return Replaced{}, err
	}
	f.ring = ring
	return Replaced{Current: token.Placed{SigningKey: made, State: token.Current}, Revoked: revoked}, nil
}

// revokeKeys revokes every key that isn't yet, and has every verifier refuse what it signed. It returns all keys as they are then, and the
// ids of those that it revoked.
func revokeKeys(tx store.Tx, now time.Time) (keys []token.SigningKey, revoked []string, err error) {
	if keys, err = tx.SigningKeys.List(); err != nil {
		return nil, nil, err
	}
	for i := range keys {
		k := &keys[i]
		if k.Revoked() {
			continue
		}
		k.Revoke(now)
		if err := tx.SigningKeys.Put(*k); err != nil {
			return nil, nil, err
		}
		_, err := appendEvent(tx, nil, subjectKeyRevocation+k.ID, typeKeyRevocation, now, &eventv1.SigningKeyRevocation{
			KeyId:     k.ID,
			RevokedAt: timestamppb.New(now),
		})
		if err != nil {
			return nil, nil, err
		}
		revoked = append(revoked, k.ID)
	}
	return keys, revoked, nil
}
