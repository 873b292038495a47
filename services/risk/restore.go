package risk

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/services/risk/internal/store"
	"github.com/doorward/doorward/services/risk/internal/store/boltstore"
)

// Restore puts a backup in the place of risk's store and notes it in the audit log. There is nothing to end in it: the history goes on from
// where its cursor stands, with the events since. It works on the file, so risk mustn't be running. It returns where the old store lies now;
// empty where there was none.
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
		return "", fmt.Errorf("restore risk: %w", err)
	}
	return aside, nil
}
