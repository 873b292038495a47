package boltdbtest

import (
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// writeRelease is for the release that raises the schema version; the files of
// those before stay as they are.
var writeRelease = flag.Bool("write-release", false, "write testdata/schema<N>.db.gz of this release's schema N, where there is none")

// Releases calls read for each schema version up to this release's, with a store
// file that the first release of that schema wrote: it is kept in testdata and
// never changed. write makes such a file, for a new schema.
func Releases(t *testing.T, schema uint64, write, read func(t *testing.T, path string)) {
	t.Helper()
	newest := releaseFile(schema)
	if _, err := os.Stat(newest); errors.Is(err, os.ErrNotExist) && *writeRelease {
		path := filepath.Join(t.TempDir(), "store.db")
		write(t, path)
		if err := pack(path, newest); err != nil {
			t.Fatal(err)
		}
	}
	for version := uint64(1); version <= schema; version++ {
		t.Run(fmt.Sprint("schema", version), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			if err := unpack(releaseFile(version), path); err != nil {
				t.Fatalf("%v (a new schema: run the test with -write-release)", err)
			}
			read(t, path)
		})
	}
}

func releaseFile(schema uint64) string {
	return filepath.Join("testdata", fmt.Sprintf("schema%d.db.gz", schema))
}

// pack compresses a store without the empty pages behind its end.
func pack(path, packed string) (err error) {
	file, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: lockTimeout})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out, err := os.Create(packed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	zip := gzip.NewWriter(out)
	return errors.Join(file.View(func(tx *bolt.Tx) error {
		_, err := tx.WriteTo(zip)
		return err
	}), zip.Close())
}

func unpack(packed, path string) (err error) {
	in, err := os.Open(packed)
	if err != nil {
		return err
	}
	defer in.Close()
	zip, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	content, err := io.ReadAll(zip)
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// StillHas says that a record which an older release wrote is there, and that
// whatever it holds is what was put in. Fields that came later are empty in it.
func StillHas(t *testing.T, name string, want, got any) {
	t.Helper()
	if reflect.ValueOf(got).IsZero() {
		t.Errorf("%s is gone", name)
		return
	}
	stillHas(t, name, reflect.ValueOf(want), reflect.ValueOf(got))
}

func stillHas(t *testing.T, name string, want, got reflect.Value) {
	t.Helper()
	switch {
	case got.IsZero():
	case got.Kind() == reflect.Pointer:
		stillHas(t, name, want.Elem(), got.Elem())
	case got.Kind() == reflect.Slice && got.Len() == want.Len():
		for i := range got.Len() {
			stillHas(t, fmt.Sprintf("%s[%d]", name, i), want.Index(i), got.Index(i))
		}
	case got.Kind() == reflect.Struct && got.Type() != reflect.TypeFor[time.Time]() && got.NumField() > 0 && got.Type().Field(0).IsExported():
		for i := range got.NumField() {
			stillHas(t, name+"."+got.Type().Field(i).Name, want.Field(i), got.Field(i))
		}
	case !reflect.DeepEqual(want.Interface(), got.Interface()):
		t.Errorf("%s is %v, and %v was put in", name, got.Interface(), want.Interface())
	}
}
