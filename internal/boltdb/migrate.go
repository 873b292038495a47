package boltdb

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/backup"
)

// Migration changes a file's layout from one schema version to the next. It runs
// once, with nobody else at the file.
type Migration func(*bolt.Tx) error

// stamp is how moments stand in the names of files, always in UTC.
const stamp = "20060102T150405.000Z"

// migrate brings an older file to this release's schema: a copy first, then all
// steps in one transaction.
func (o Options) migrate(file *bolt.DB, found uint64) error {
	for version := found; version < o.SchemaVersion; version++ {
		if o.Migrations[version] == nil {
			return fmt.Errorf("it has schema %d and this release has no way from %d to %d: run a release between the two first", found, version, version+1)
		}
	}
	dir, err := o.keepOlder(file, found)
	if err != nil {
		return fmt.Errorf("copy the store before it is migrated from schema %d: %w", found, err)
	}
	err = file.Update(func(tx *bolt.Tx) error {
		for version := found; version < o.SchemaVersion; version++ {
			if err := o.Migrations[version](tx); err != nil {
				return fmt.Errorf("migrate from schema %d to %d (the store stays as it was): %w", version, version+1, err)
			}
		}
		return o.layOut(tx)
	})
	if err != nil {
		// The file is what the copy is; one for each try would fill the disk.
		return errors.Join(err, os.RemoveAll(dir))
	}
	o.Logger.Info("store migrated", slog.String("store", file.Path()), slog.Uint64("from_schema", found),
		slog.Uint64("to_schema", o.SchemaVersion), slog.String("copy", dir))
	return nil
}

// keepOlder makes a backup of the file in a folder beside it, as doorward backup
// would: the release before goes back to it by doorward restore. Where the file
// is a copy already, none is needed.
func (o Options) keepOlder(file *bolt.DB, found uint64) (dir string, err error) {
	if o.Copy {
		return "", nil
	}
	now := o.Now().UTC()
	service := strings.TrimSuffix(filepath.Base(file.Path()), ".db")
	dir = filepath.Join(filepath.Dir(file.Path()), fmt.Sprintf("%s-schema-%d-%s", service, found, now.Format(stamp)))
	if err := os.Mkdir(dir, dirMode); err != nil {
		return "", err
	}
	manifest := backup.Manifest{Service: service, SchemaVersion: found, TakenAt: now}
	err = file.View(func(tx *bolt.Tx) error {
		return backup.Keep(dir, manifest, backup.KeepOptions{Finish: FinishCopy}, func(f *os.File) error {
			_, err := tx.WriteTo(f)
			return err
		})
	})
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}
