package secret_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/doorward/doorward/internal/secret"
)

func TestCreatedKeyLoadsAndIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	created, err := secret.CreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := secret.LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if !loaded.Equal(created) {
		t.Error("the loaded key isn't the created one")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode().Perm())
	}
}

func TestCreateKeyNeverOverwrites(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "k")
	var wins atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			_, err := secret.CreateKey(path)
			switch {
			case err == nil:
				wins.Add(1)
			case !errors.Is(err, fs.ErrExist):
				t.Errorf("CreateKey: %v, want fs.ErrExist", err)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 1 {
		t.Errorf("%d of 16 racing creators won, want 1", wins.Load())
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("%d files left, want the key alone", len(entries))
	}
}

func TestLoadKeyReadsRawAndBase64(t *testing.T) {
	raw := bytes.Repeat([]byte{0xfb, 0xff}, 16)
	want, err := secret.KeyFrom(raw)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"raw":              raw,
		"base64":           []byte(base64.StdEncoding.EncodeToString(raw)),
		"base64, newline":  []byte(base64.StdEncoding.EncodeToString(raw) + "\n"),
		"base64 unpadded":  []byte(base64.RawStdEncoding.EncodeToString(raw)),
		"after comments":   []byte("# of the deployment in Frankfurt\n#\n" + base64.StdEncoding.EncodeToString(raw) + "\n"),
		"base64url padded": []byte(base64.URLEncoding.EncodeToString(raw) + "\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, content, 0o600)
			got, err := secret.LoadKey(path)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Equal(want) {
				t.Error("another key was read")
			}
		})
	}
}

func TestLoadKeyRefuses(t *testing.T) {
	good := bytes.Repeat([]byte{7}, 32)
	for name, path := range map[string]string{
		"group-readable": write(t, good, 0o640),
		"world-readable": write(t, good, 0o604),
		"group-writable": write(t, good, 0o620),
		"short":          write(t, good[:31], 0o600),
		"empty":          write(t, nil, 0o600),
		"large":          write(t, make([]byte, 1<<20), 0o600),
		"directory":      t.TempDir(),
		"absent":         filepath.Join(t.TempDir(), "none"),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := secret.LoadKey(path); err == nil {
				t.Error("no error")
			}
		})
	}
	if _, err := secret.LoadKey(write(t, good, 0o644)); !errors.Is(err, secret.ErrExposed) {
		t.Errorf("err = %v, want ErrExposed", err)
	}
}

func write(t *testing.T, content []byte, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "k")
	if err := os.WriteFile(path, content, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // past the umask
		t.Fatal(err)
	}
	return path
}

func TestMACSeparatesContextsAndParts(t *testing.T) {
	key := secret.NewKey()
	seen := map[[32]byte]string{}
	for name, mac := range map[string][32]byte{
		"ab":            key.MAC("ctx", []byte("ab")),
		"a, b":          key.MAC("ctx", []byte("a"), []byte("b")),
		"b, a":          key.MAC("ctx", []byte("b"), []byte("a")),
		"ab, empty":     key.MAC("ctx", []byte("ab"), nil),
		"other context": key.MAC("ct", []byte("xab")),
		"other key":     secret.NewKey().MAC("ctx", []byte("ab")),
		"derived key":   key.Derive("ctx").MAC("ctx", []byte("ab")),
		"no part":       key.MAC("ctx"),
	} {
		if twin, dup := seen[mac]; dup {
			t.Errorf("%q and %q have the same MAC", name, twin)
		}
		seen[mac] = name
	}
	if key.MAC("ctx", []byte("a")) != key.MAC("ctx", []byte("a")) {
		t.Error("the same call gives another MAC")
	}
}

func TestDerivedKeysAreStableAndApart(t *testing.T) {
	key := secret.NewKey()
	if !key.Derive("a").Equal(key.Derive("a")) {
		t.Error("deriving twice gives two keys")
	}
	if key.Derive("a").Equal(key.Derive("b")) || key.Derive("a").Equal(key) {
		t.Error("purposes share a key")
	}
}

func TestOpenRefusesWhatIsNotAsSealed(t *testing.T) {
	key := secret.NewKey()
	aad, plain := []byte("key_1"), []byte("the signing key")
	sealed := key.Seal(aad, plain)
	if got, err := key.Open(aad, sealed); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("Open = %q, %v", got, err)
	}
	if bytes.Equal(sealed, key.Seal(aad, plain)) {
		t.Error("sealing twice gives the same bytes: the nonce repeats")
	}
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if _, err := key.Open(aad, altered); !errors.Is(err, secret.ErrOpen) {
			t.Fatalf("byte %d altered: err = %v, want ErrOpen", i, err)
		}
	}
	for name, err := range map[string]error{
		"other aad": openErr(key, []byte("key_2"), sealed),
		"other key": openErr(secret.NewKey(), aad, sealed),
		"truncated": openErr(key, aad, sealed[:10]),
		"empty":     openErr(key, aad, nil),
	} {
		if !errors.Is(err, secret.ErrOpen) {
			t.Errorf("%s: err = %v, want ErrOpen", name, err)
		}
	}
}

func openErr(key secret.Key, aad, sealed []byte) error {
	_, err := key.Open(aad, sealed)
	return err
}

func TestZeroKeyIsNeverUsed(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a zero Key made a MAC")
		}
	}()
	secret.Key{}.MAC("ctx")
}

func TestReplaceFileKeepsModeAndLeavesNoTrace(t *testing.T) {
	path := write(t, []byte("old"), 0o644)
	if err := secret.ReplaceFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, err := secret.ReadFile(path); err != nil || string(got) != "new" {
		t.Errorf("ReadFile = %q, %v", got, err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("%d files, want 1", len(entries))
	}
}
