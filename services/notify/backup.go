package notify

import (
	"github.com/doorward/doorward/internal/backup"
)

// serveBackups puts the BackupService on the server. Who takes a copy stands in the store's own audit log.
func (s *Service) serveBackups() error {
	return backup.Register(s.server, backup.Config{
		Service: name,
		Store:   s.store,
		Record:  s.record,
		Now:     s.deps.Now,
		Logger:  s.deps.Logger,
	})
}
