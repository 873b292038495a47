package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/doorward/doorward/internal/secret"
)

// Material is one service's certificate, read again when its files change, and the CA that it trusts. It is safe for
// concurrent use. A new CA needs a restart: whom to trust shouldn't change under a running server.
type Material struct {
	certPath, keyPath string
	ca                *x509.Certificate
	roots             *x509.CertPool
	log               *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	seen    [2]stamp // of the certificate and key files, as last tried
}

// stamp tells one version of a file from the next.
type stamp struct {
	modified time.Time
	size     int64
}

// Load reads what Create wrote for one service. A later reload that fails is logged and changes nothing.
func Load(dir, name string, log *slog.Logger) (*Material, error) {
	ca, err := readCert(filepath.Join(dir, "ca.pem"))
	if err != nil {
		return nil, fmt.Errorf("certs: %w; make certificates with: doorward certs", err)
	}
	if !ca.IsCA {
		return nil, errors.New("certs: ca.pem is not a CA's certificate")
	}
	m := &Material{
		certPath: filepath.Join(dir, name+".pem"),
		keyPath:  filepath.Join(dir, name+".key"),
		ca:       ca,
		roots:    x509.NewCertPool(),
		log:      log,
	}
	m.roots.AddCert(ca)
	m.seen = m.stamps()
	if m.current, err = m.read(); err != nil {
		return nil, fmt.Errorf("certs: %w; make certificates with: doorward certs", err)
	}
	if got, ok := identity(m.current.Leaf); !ok || got != name {
		return nil, fmt.Errorf("certs: %s doesn't carry the identity %s", m.certPath, identityURI(name))
	}
	return m, nil
}

// Purpose says whether there is a CA in dir, and whether it was made for development.
func Purpose(dir string) (found, development bool, err error) {
	ca, err := readCert(filepath.Join(dir, "ca.pem"))
	if errors.Is(err, os.ErrNotExist) {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("certs: %w", err)
	}
	return true, ca.Subject.CommonName == caNameDevelopment, nil
}

// Roots is the pool that holds the CA alone.
func (m *Material) Roots() *x509.CertPool { return m.roots.Clone() }

// Development reports whether the CA was made for development.
func (m *Material) Development() bool { return m.ca.Subject.CommonName == caNameDevelopment }

// RefuseDevelopment is secret.ErrDevelopment when the CA was made for development: its key lies about on developers' machines.
func (m *Material) RefuseDevelopment() error {
	if !m.Development() {
		return nil
	}
	dir := filepath.Dir(m.certPath)
	return fmt.Errorf("certs: %s %w: one for production is made, in another directory than %s, by doorward certs",
		filepath.Join(dir, "ca.pem"), secret.ErrDevelopment, dir)
}

// certificate returns the pair to show, after a look at whether its files have changed. Two stats per handshake cost
// nothing beside the handshake.
func (m *Material) certificate() (*tls.Certificate, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.stamps()
	if now == m.seen {
		return m.current, nil
	}
	m.seen = now
	fresh, err := m.read()
	if err != nil {
		// Perhaps only one of the two files is new yet; the next change brings us here again.
		m.log.Warn("certificate not reloaded, keeping the one in use", slog.String("file", m.certPath), slog.Any("error", err))
		return m.current, nil
	}
	m.current = fresh
	m.log.Info("certificate reloaded", slog.String("file", m.certPath), slog.Time("not_after", fresh.Leaf.NotAfter))
	return m.current, nil
}

func (m *Material) read() (*tls.Certificate, error) {
	certPEM, err := os.ReadFile(m.certPath)
	if err != nil {
		return nil, err
	}
	keyPEM, err := secret.ReadFile(m.keyPath)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.certPath, err)
	}
	return &pair, nil
}

func (m *Material) stamps() (s [2]stamp) {
	for i, path := range []string{m.certPath, m.keyPath} {
		if info, err := os.Stat(path); err == nil {
			s[i] = stamp{modified: info.ModTime(), size: info.Size()}
		}
	}
	return s
}
