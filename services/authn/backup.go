package authn

import (
	"context"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// serveBackups puts the BackupService on the server. Who takes a copy stands in the store's own audit log.
func (s *Service) serveBackups() error {
	return backup.Register(s.server, backup.Config{
		Service: "authn",
		Store:   s.store,
		Record: func(ctx context.Context, r audit.Record) error {
			return s.store.Update(ctx, func(tx store.Tx) error { return tx.Audit.Append(r) })
		},
		Now:    s.deps.Now,
		Logger: s.deps.Logger,
	})
}
