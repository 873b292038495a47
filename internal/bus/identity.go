package bus

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nkeys"

	"github.com/doorward/doorward/internal/secret"
)

// ErrIdentity says that an identity's key file is missing, unreadable or open to others.
var ErrIdentity = errors.New("bus: identity")

// Identity is one identity's nkey: the seed proves it, the public key names it to the server.
type Identity struct {
	Name   Name
	Public string
	seed   []byte
}

// String never shows the seed.
func (i Identity) String() string { return fmt.Sprintf("%s (%s)", i.Name, i.Public) }

// GoString never shows the seed.
func (i Identity) GoString() string { return i.String() }

// durable is the name of the identity's durable consumers. It is derived from the seed, the same for all replicas, and nobody else can guess it:
// whoever may create a consumer can have the server deliver to any subject that somebody listens at, and so to the requests of a consumer whose name
// is known, in its owner's place.
func (i Identity) durable() string {
	mac := hmac.New(sha256.New, i.seed)
	mac.Write([]byte("doorward/durable/v1"))
	return string(i.Name) + "-" + hex.EncodeToString(mac.Sum(nil)[:16])
}

// NewIdentity makes a key.
func NewIdentity(name Name) (Identity, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return Identity{}, fmt.Errorf("bus: make nkey for %s: %w", name, err)
	}
	seed, err := pair.Seed()
	if err != nil {
		return Identity{}, fmt.Errorf("bus: make nkey for %s: %w", name, err)
	}
	return identity(name, seed)
}

func identity(name Name, seed []byte) (Identity, error) {
	pair, err := nkeys.FromSeed(seed)
	if err != nil {
		return Identity{}, fmt.Errorf("%w: the seed of %s isn't an nkey: %w", ErrIdentity, name, err)
	}
	if !spelled(seed) {
		return Identity{}, fmt.Errorf("%w: the seed of %s isn't spelled as nkeys writes it: copy it again, whole and on one line", ErrIdentity, name)
	}
	public, err := pair.PublicKey()
	if err != nil || !nkeys.IsValidPublicUserKey(public) {
		return Identity{}, fmt.Errorf("%w: the seed of %s isn't one of a user", ErrIdentity, name)
	}
	return Identity{Name: name, Public: public, seed: seed}, nil
}

// spelled says whether a seed has its one right spelling. Base32 would take others too, with line breaks within or with other last bits, and
// replicas whose files differ in that would have the same key and durables of different names.
func spelled(seed []byte) bool {
	kind, raw, err := nkeys.DecodeSeed(seed)
	if err != nil {
		return false
	}
	written, err := nkeys.EncodeSeed(kind, raw)
	return err == nil && bytes.Equal(written, seed)
}

// SeedFile is where an identity's seed lives in a directory of keys.
func SeedFile(dir string, name Name) string { return filepath.Join(dir, string(name)+".nk") }

// LoadIdentity reads the seed <dir>/<name>.nk, which must be readable by its owner alone.
func LoadIdentity(dir string, name Name) (Identity, error) {
	return ReadIdentity(SeedFile(dir, name), name)
}

// ReadIdentity reads the seed from a file of any name, which must be readable by its owner alone.
func ReadIdentity(path string, name Name) (Identity, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Identity{}, fmt.Errorf("%w: %w; make the missing ones with: doorward nats keys", ErrIdentity, err)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Identity{}, fmt.Errorf("%w: %s can be read by others; run chmod 600 on it", ErrIdentity, path)
	}
	seed, err := os.ReadFile(path)
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	return identity(name, bytes.TrimSpace(secret.Unmarked(seed)))
}

// CreateIdentities makes what is missing in the directory, <name>.nk (0600) and <name>.pub for every identity, and returns them
// all. It never replaces a seed.
func CreateIdentities(dir string, marks ...secret.Mark) ([]Identity, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	var out []Identity
	for _, name := range Names() {
		id, err := createIdentity(dir, name, marks)
		if err != nil {
			return nil, err
		}
		public := filepath.Join(dir, string(name)+".pub")
		if err := os.WriteFile(public, []byte(id.Public+"\n"), 0o644); err != nil { //nolint:gosec // public, as its name says
			return nil, fmt.Errorf("%w: %w", ErrIdentity, err)
		}
		out = append(out, id)
	}
	return out, nil
}

// createIdentity loads the seed, or writes a new one.
func createIdentity(dir string, name Name, marks []secret.Mark) (Identity, error) {
	id, err := LoadIdentity(dir, name)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	if id, err = NewIdentity(name); err != nil {
		return Identity{}, err
	}
	// When another process was first, its seed is the one.
	if err := secret.CreateFile(SeedFile(dir, name), append(id.seed, '\n'), marks...); err != nil && !errors.Is(err, fs.ErrExist) {
		return Identity{}, fmt.Errorf("%w: write seed of %s: %w", ErrIdentity, name, err)
	}
	return LoadIdentity(dir, name)
}
