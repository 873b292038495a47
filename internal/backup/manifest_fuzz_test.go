package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"testing"
	"time"
)

// FuzzManifest has a backup come back from anywhere: its manifest and its file are anything. What is restored is the file that the manifest describes,
// and belongs to the service that asks; and a manifest that is taken can be written and found again as the same.
func FuzzManifest(f *testing.F) {
	dir := f.TempDir()
	content := []byte("a store")
	if err := os.WriteFile(CopyFile(dir, "authn"), content, 0o600); err != nil {
		f.Fatal(err)
	}
	m, err := Manifest{Service: "authn", SchemaVersion: 1, TakenAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}.Describe(CopyFile(dir, "authn"))
	if err != nil {
		f.Fatal(err)
	}
	if err := m.Write(dir); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(manifestFile(dir, "authn"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, content)
	f.Add(good, append(content, '!'))
	f.Add(good, content[:3])
	f.Add(bytes.Replace(good, []byte(`"size": 7`), []byte(`"size": 9223372036854775807`), 1), content)
	f.Add(bytes.Replace(good, []byte(`"authn"`), []byte(`"risk"`), 1), content)
	f.Add(bytes.ToUpper(good), content)
	f.Add([]byte(`{}`), []byte{})
	f.Fuzz(func(t *testing.T, manifest, file []byte) {
		dir := t.TempDir()
		for path, content := range map[string][]byte{manifestFile(dir, "authn"): manifest, CopyFile(dir, "authn"): file} {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		found, err := Find(dir, "authn")
		if err != nil {
			return
		}
		if found.Service != "authn" || found.SchemaVersion == 0 || found.TakenAt.IsZero() {
			t.Errorf("found %+v", found)
		}
		var restored bytes.Buffer
		sum := sha256.Sum256(file)
		described := found.Size == int64(len(file)) && found.SHA256 == hex.EncodeToString(sum[:])
		switch _, err := found.WriteTo(&restored); {
		case err == nil && (!described || !bytes.Equal(restored.Bytes(), file)):
			t.Errorf("%d bytes are restored of a file that the manifest doesn't describe: %+v", restored.Len(), found)
		case err != nil && (described || !errors.Is(err, ErrDamaged)):
			t.Errorf("%v, of the file that the manifest describes", err)
		}
		if err := found.Write(dir); err != nil {
			t.Fatalf("%+v was found and can't be written: %v", found, err)
		}
		if again, err := Find(dir, "authn"); err != nil || !again.TakenAt.Equal(found.TakenAt) || again.Size != found.Size || again.SHA256 != found.SHA256 {
			t.Errorf("written again it is %+v, %v", again, err)
		}
	})
}
