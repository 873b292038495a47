package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/durable"
	"github.com/doorward/doorward/internal/id"
)

// Manifest says what a copy is. It lies beside it, as JSON.
type Manifest struct {
	// Service is whose store it is.
	Service string `json:"service"`
	// SchemaVersion is the layout of the store.
	SchemaVersion uint64 `json:"schema_version"`
	// TakenAt is the moment that the copy shows.
	TakenAt time.Time `json:"taken_at"`
	// Size and SHA256 (hex) are the file's.
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Release is the release that took the copy; for people.
	Release string `json:"release,omitempty"`
}

// maxManifest bounds what is read as a manifest.
const maxManifest = 64 << 10

// Copy is a copy on disk with its manifest.
type Copy struct {
	Manifest
	// Path is the file's.
	Path string `json:"path"`
}

// ErrNoCopy says that a folder holds no copy of a service's store.
var ErrNoCopy = errors.New("there is no backup")

// ErrDamaged says that a copy isn't what its manifest describes.
var ErrDamaged = errors.New("the backup is damaged")

// CopyFile is where a service's copy lies in a folder.
func CopyFile(dir, service string) string { return filepath.Join(dir, service+".db") }

// manifestFile is where its manifest lies.
func manifestFile(dir, service string) string { return filepath.Join(dir, service+".json") }

// Find reads what a folder holds of a service. It looks at the manifest alone: the file is checked as it is read, by WriteTo.
func Find(dir, service string) (Copy, error) {
	path := manifestFile(dir, service)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Copy{}, fmt.Errorf("%w of %s in %s: %s is missing", ErrNoCopy, service, dir, path)
	}
	if err != nil {
		return Copy{}, fmt.Errorf("read the manifest: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil {
		return Copy{}, fmt.Errorf("read the manifest: %w", err)
	}
	c := Copy{Path: CopyFile(dir, service)}
	if err := json.Unmarshal(text, &c.Manifest); err != nil {
		return Copy{}, fmt.Errorf("%w: %s can't be read: %w", ErrDamaged, path, err)
	}
	return c, c.check(path, service)
}

func (c Copy) check(path, service string) error {
	switch {
	case c.Service != service:
		return fmt.Errorf("%s describes the store of %q, not of %s: was a file renamed?", path, c.Service, service)
	case c.SchemaVersion == 0, c.TakenAt.IsZero(), c.Size <= 0, len(c.SHA256) != hex.EncodedLen(sha256.Size):
		return fmt.Errorf("%w: %s lacks the schema version, the time, the size or the SHA-256", ErrDamaged, path)
	}
	return nil
}

// WriteTo writes the copy, and fails at its end unless it was what the manifest describes. Whoever keeps what was written waits for that.
func (c Copy) WriteTo(w io.Writer) (int64, error) {
	f, err := os.Open(c.Path)
	if err != nil {
		return 0, fmt.Errorf("read the backup: %w", err)
	}
	defer f.Close()
	hash := sha256.New()
	// One byte more shows a file that is too long, without reading it to an end that may never come.
	n, err := io.Copy(io.MultiWriter(w, hash), io.LimitReader(f, c.Size+1))
	switch {
	case err != nil:
		return n, fmt.Errorf("read the backup: %w", err)
	case n != c.Size:
		return n, fmt.Errorf("%w: %s hasn't the %d bytes that its manifest says", ErrDamaged, c.Path, c.Size)
	case hex.EncodeToString(hash.Sum(nil)) != c.SHA256:
		return n, fmt.Errorf("%w: %s hasn't the SHA-256 that its manifest says", ErrDamaged, c.Path)
	}
	return n, nil
}

var _ io.WriterTo = Copy{}

// Restored fills in a record of who put the copy in a store's place, for the audit log of that store.
func (m Manifest) Restored(by audit.Record, now time.Time) audit.Record {
	by.ID, by.At, by.Action, by.Outcome = id.New("aud", now), now, "store.restore", audit.Done
	if by.Detail == nil {
		by.Detail = map[string]string{}
	}
	maps.Copy(by.Detail, audit.Details("taken_at", m.TakenAt.UTC().Format(time.RFC3339), "sha256", m.SHA256))
	return by
}

// Describe finishes the manifest of a file with its size and SHA-256.
func (m Manifest) Describe(path string) (Manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return Manifest{}, fmt.Errorf("read the copy: %w", err)
	}
	defer f.Close()
	hash := sha256.New()
	if m.Size, err = io.Copy(hash, f); err != nil {
		return Manifest{}, fmt.Errorf("read the copy: %w", err)
	}
	m.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return m, nil
}

// Write puts the manifest beside its copy, in the place of an older one.
func (m Manifest) Write(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	err = durable.Replace(manifestFile(dir, m.Service), func(f *os.File) error {
		_, err := f.Write(append(bytes.TrimSpace(text), '\n'))
		return err
	})
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return nil
}
