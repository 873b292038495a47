package notify

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/services/notify/internal/mail"
)

// loadOpener reads every sealing key of the directory. The last by name is the current one: name them by date. An old key is kept as long
// as a mail that is sealed to it may still be in the stream.
func loadOpener(dir string) (*seal.Opener, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.key"))
	if err != nil {
		return nil, fmt.Errorf("seal_keys %s: %w", dir, err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("seal_keys %s holds no .key file; doorward dev makes one", dir)
	}
	slices.Sort(paths)
	slices.Reverse(paths)
	return seal.LoadOpener(paths[0], paths[1:]...)
}

// sender makes the way to the mail server. It doesn't connect.
func (s SMTP) sender(now func() time.Time) (*mail.Sender, error) {
	cfg := s.mail()
	if s.CA != "" {
		roots, err := certs.ReadRoots(s.CA)
		if err != nil {
			return nil, fmt.Errorf("smtp.ca: %w", err)
		}
		cfg.RootCAs = roots
	}
	return mail.New(cfg, now)
}

// portal is the public URL without the final slash that it may have.
func (c Config) portal() string { return strings.TrimSuffix(c.PortalURL, "/") }
