package notify

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/services/notify/internal/store"
	"github.com/doorward/doorward/services/notify/internal/store/boltstore"
)

// Restore puts a backup in the place of notify's store and notes it in the audit log. There is nothing to end in it: alerts that it holds as
// waiting are sent, also those that were sent after the backup. It works on the file, so notify mustn't be running. It returns where the old
// store lies now; empty where there was none.
func Restore(ctx context.Context, dataDir string, from backup.Copy, note string) (aside string, err error) {
	by := audit.Record{Actor: audit.Actor{Kind: audit.System, ID: name}, Authority: "restore on the store", Reason: note}
	aside, err = boltdb.Restore(filepath.Join(dataDir, storeFile), from, time.Now, func(path string) (err error) {
		s, err := boltstore.Open(path, boltstore.Options{Copy: true})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return s.Update(ctx, func(tx store.Tx) error { return tx.Audit.Append(from.Restored(by, time.Now())) })
	})
	if err != nil {
		return "", fmt.Errorf("restore notify: %w", err)
	}
	return aside, nil
}
