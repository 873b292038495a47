package authn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// ErrNoKey says that authn.key is missing, and in its text what to do.
var ErrNoKey = errors.New("authn: its key file is missing")

// masterKey loads the key that everything secret here is derived from. It makes one only when it may, and only for a store that holds
// nothing made under another: a new key beside old data would look like a start and be a loss.
func masterKey(ctx context.Context, cfg Config, s store.Store, create bool) (secret.Key, error) {
	path := cfg.keyFile()
	key, err := secret.LoadKey(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	used, err := hasSigningKeys(ctx, s)
	switch {
	case err != nil:
		return secret.Key{}, err
	case used:
		return secret.Key{}, fmt.Errorf("%w: %s was made under it; bring %s back from its backup", ErrNoKey, cfg.storeFile(), path)
	case !create:
		return secret.Key{}, fmt.Errorf("%w: %s; make it and the first API keys with: doorward authn bootstrap", ErrNoKey, path)
	}
	if err := os.MkdirAll(cfg.KeysDir, 0o700); err != nil {
		return secret.Key{}, fmt.Errorf("make the directory of keys: %w", err)
	}
	var marks []secret.Mark
	if cfg.Development {
		marks = append(marks, secret.ForDevelopment)
	}
	key, err = secret.CreateKey(path, marks...)
	if errors.Is(err, fs.ErrExist) { // another process was a moment faster
		return secret.LoadKey(path)
	}
	return key, err
}

// hasSigningKeys says whether something in the store can only be read with the key that it was made under.
func hasSigningKeys(ctx context.Context, s store.Store) (bool, error) {
	var used bool
	err := s.View(ctx, func(tx store.Tx) error {
		keys, err := tx.SigningKeys.List()
		used = len(keys) > 0
		return err
	})
	return used, err
}

// signingKeysUnder is the key that signing keys are sealed under.
func signingKeysUnder(master secret.Key) secret.Key { return master.Derive("authn/signing-keys") }
