package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	doorward "github.com/doorward/doorward/sdk"
)

// device is the file in which this machine keeps the secret that makes it known for one user. A web application keeps
// it in an HttpOnly cookie instead.
type device struct{ path string }

func deviceFor(dir, email string) device {
	// Escaped, an address is one file's name, and never "." or "..": it has an @.
	return device{path: filepath.Join(dir, url.PathEscape(strings.ToLower(email)))}
}

// secret is empty when nobody has signed in from here yet.
func (d device) secret() (doorward.Secret, error) {
	text, err := os.ReadFile(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return doorward.Secret{}, nil
	}
	if err != nil {
		return doorward.Secret{}, fmt.Errorf("read the device's secret: %w", err)
	}
	return doorward.SecretOf(strings.TrimSpace(string(text))), nil
}

// keep replaces the secret: each sign-in brings a new one.
func (d device) keep(secret doorward.Secret) error {
	if err := os.MkdirAll(filepath.Dir(d.path), 0o700); err != nil {
		return fmt.Errorf("keep the device's secret: %w", err)
	}
	next := d.path + ".next"
	if err := os.WriteFile(next, []byte(secret.Reveal()+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the device's secret: %w", err)
	}
	if err := os.Rename(next, d.path); err != nil {
		return fmt.Errorf("keep the device's secret: %w", err)
	}
	return nil
}
