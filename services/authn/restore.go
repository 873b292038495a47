package authn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store/boltstore"
)

// RestoreOptions says how a backup comes back.
type RestoreOptions struct {
	// UntrustDevices also takes every device's trust away. An owner whose password was contained can then set a new one nowhere.
	UntrustDevices bool
	// Note is why, for the audit record.
	Note string
	// Progress hears how many users are done, of how many. Nil for nobody.
	Progress func(done, of int64)
}

// Restored is what a restore came to.
type Restored struct {
	flow.Restored
	// Aside is the store that was replaced; empty where there was none.
	Aside string `json:"aside,omitempty"`
}

// ErrOtherKey says that a backup was made under another authn.key than the one that is there. Nothing was changed.
var ErrOtherKey = errors.New("authn: the backup was made under another key file than this")

// clockSlack is how far a backup may lie in the future of this machine's clock.
const clockSlack = time.Minute

// Restore puts a backup in the place of authn's store, and ends all that was issued until now: see flow.Restorer. It works on the files, so
// authn mustn't be running. When it fails, or is cut off, the old store is where it was.
func Restore(ctx context.Context, cfg Config, from backup.Copy, o RestoreOptions) (done Restored, err error) {
	if from.TakenAt.After(time.Now().Add(clockSlack)) {
		return Restored{}, fmt.Errorf("authn: the backup was taken at %s, which is in the future: set this machine's clock right first", from.TakenAt)
	}
	master, err := secret.LoadKey(cfg.keyFile())
	if errors.Is(err, fs.ErrNotExist) {
		return Restored{}, fmt.Errorf("%w: bring %s back from its backup first", ErrNoKey, cfg.keyFile())
	}
	if err != nil {
		return Restored{}, fmt.Errorf("authn: %w", err)
	}
	done.Aside, err = boltdb.Restore(cfg.storeFile(), from, time.Now, func(path string) (err error) {
		s, err := boltstore.Open(path, boltstore.Options{Copy: true})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		done.Restored, err = flow.NewRestorer(s, signingKeysUnder(master), time.Now).Restore(ctx, flow.Restoration{
			By:   flow.Actor{Actor: audit.Actor{Kind: audit.System, ID: "authn"}, Authority: "restore on the store"},
			Note: o.Note, From: from.Manifest, UntrustDevices: o.UntrustDevices, Progress: o.Progress,
		})
		return err
	})
	if errors.Is(err, secret.ErrOpen) {
		return Restored{}, fmt.Errorf("%w: %s: bring back the one that was there when the backup was taken", ErrOtherKey, cfg.keyFile())
	}
	if err != nil {
		return Restored{}, fmt.Errorf("authn: %w", err)
	}
	return done, nil
}
