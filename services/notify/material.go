package notify

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/mail"
)

// SealKeys lists the files of a directory that hold sealing keys, the current one first: the last by name, so name them by date. An old key is kept as long
// as a mail that is sealed to it may still be in the stream.
func SealKeys(dir string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.key"))
	if err != nil {
		return nil, fmt.Errorf("seal_keys %s: %w", dir, err)
	}
	slices.Sort(paths)
	slices.Reverse(paths)
	return paths, nil
}

func (c Config) opener() (*seal.Opener, error) {
	paths, err := SealKeys(c.SealKeys)
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("seal_keys %s holds no .key file; doorward init makes one", c.SealKeys)
	}
	return seal.LoadOpener(paths[0], paths[1:]...)
}

// refuseDevelopment finds what is marked for development, all at once, unless the configuration allows it.
func (c Config) refuseDevelopment(m *certs.Material) error {
	if c.Development {
		return nil
	}
	faults := []error{m.RefuseDevelopment(), c.NATS.RefuseDevelopment()}
	paths, err := SealKeys(c.SealKeys)
	faults = append(faults, err)
	for _, path := range paths {
		faults = append(faults, secret.RefuseDevelopment(path, "doorward init"))
	}
	return errors.Join(faults...)
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
