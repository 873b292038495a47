package seal

import (
	"crypto/hpke"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/doorward/doorward/internal/secret"
)

const (
	privateType = "DOORWARD SEALING PRIVATE KEY"
	publicType  = "DOORWARD SEALING PUBLIC KEY"
	maxPublic   = 16 << 10

	// PublicSuffix is what CreateKey adds to a key file's name for its public half.
	PublicSuffix = ".pub"
)

// CreateKey makes a key pair: the private half at path, the public half at path + PublicSuffix, both 0600. It is safe
// to run again: a private key that is there is kept, and its public half is written anew. A mark is on both halves.
func CreateKey(path string, marks ...secret.Mark) (Recipient, error) {
	key, err := hpke.MLKEM768X25519().GenerateKey()
	if err != nil {
		return Recipient{}, fmt.Errorf("create sealing key: %w", err)
	}
	raw, err := key.Bytes()
	if err != nil {
		return Recipient{}, fmt.Errorf("create sealing key: %w", err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: privateType, Bytes: raw})
	if err := secret.CreateFile(path, block, marks...); err != nil && !errors.Is(err, fs.ErrExist) {
		return Recipient{}, fmt.Errorf("create sealing key: %w", err)
	}
	return writePublic(path)
}

// writePublic writes the public half of the private key that is stored: perhaps another's, made earlier or a moment ago.
func writePublic(path string) (Recipient, error) {
	content, err := secret.ReadFile(path)
	if err != nil {
		return Recipient{}, fmt.Errorf("load sealing key: %w", err)
	}
	stored, err := parsePrivate(path, content)
	if err != nil {
		return Recipient{}, err
	}
	public := pem.EncodeToMemory(&pem.Block{Type: publicType, Bytes: stored.PublicKey().Bytes()})
	if secret.ForDevelopment.In(content) {
		public = secret.ForDevelopment.On(public)
	}
	if err := secret.ReplaceFile(path+PublicSuffix, public); err != nil {
		return Recipient{}, fmt.Errorf("write public sealing key: %w", err)
	}
	return newRecipient(stored.PublicKey()), nil
}

// LoadRecipient reads a public key that CreateKey wrote.
func LoadRecipient(path string) (Recipient, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Recipient{}, fmt.Errorf("load public sealing key: %w", err)
	}
	if info.Size() > maxPublic {
		return Recipient{}, fmt.Errorf("load public sealing key: %s is larger than %d bytes", path, maxPublic)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return Recipient{}, fmt.Errorf("load public sealing key: %w", err)
	}
	raw, err := decode(publicType, content)
	if err != nil {
		return Recipient{}, fmt.Errorf("load public sealing key %s: %w", path, err)
	}
	key, err := hpke.MLKEM768X25519().NewPublicKey(raw)
	if err != nil {
		return Recipient{}, fmt.Errorf("load public sealing key %s: %w", path, err)
	}
	return newRecipient(key), nil
}

// LoadOpener reads private keys; the first is the current one, the others are old and only open.
func LoadOpener(current string, old ...string) (*Opener, error) {
	o := &Opener{keys: make(map[string]hpke.PrivateKey, 1+len(old))}
	for i, path := range append([]string{current}, old...) {
		key, err := loadPrivate(path)
		if err != nil {
			return nil, err
		}
		public := newRecipient(key.PublicKey())
		o.keys[public.id] = key
		if i == 0 {
			o.current = public
		}
	}
	return o, nil
}

func loadPrivate(path string) (hpke.PrivateKey, error) {
	content, err := secret.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load sealing key: %w", err)
	}
	return parsePrivate(path, content)
}

func parsePrivate(path string, content []byte) (hpke.PrivateKey, error) {
	raw, err := decode(privateType, content)
	if err != nil {
		return nil, fmt.Errorf("load sealing key %s: %w", path, err)
	}
	key, err := hpke.MLKEM768X25519().NewPrivateKey(raw)
	if err != nil {
		return nil, fmt.Errorf("load sealing key %s: not a key of this kind", path)
	}
	return key, nil
}

func decode(kind string, content []byte) ([]byte, error) {
	block, rest := pem.Decode(content)
	if block == nil || block.Type != kind || len(rest) != 0 {
		return nil, fmt.Errorf("the file doesn't hold exactly one PEM block %q", kind)
	}
	return block.Bytes, nil
}

// newRecipient names a key by its own hash, so that an id can't be given to the wrong key.
func newRecipient(key hpke.PublicKey) Recipient {
	sum := sha256.Sum256(key.Bytes())
	return Recipient{id: hex.EncodeToString(sum[:8]), key: key}
}
