package boltstore_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/store/boltstore"
	"github.com/doorward/doorward/services/authn/internal/store/storetest"
)

var update = flag.Bool("update", false, "write the layout as it is now to testdata/layout.txt")

// layoutFile has every entry of a store that holds one full record of each kind: bucket, key, version and JSON, quoted as Go quotes.
const layoutFile = "testdata/layout.txt"

func TestRecordsKeepTheirLayout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authn.db")
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), storetest.Samples().Put); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got := dump(t, path)
	if *update {
		if err := os.WriteFile(layoutFile, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(layoutFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the layout has changed. A new field is fine: run the test with -update. For anything else, give the table a new version "+
			"with an Upgrade, so that stored records can still be read (-want +got):\n%s", diff)
	}
}

func TestStoredRecordsAreReadByThisRelease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authn.db")
	if err := openAndClose(path); err != nil {
		t.Fatal(err)
	}
	load(t, path)
	s := openAt(t, path)
	err := s.View(t.Context(), func(tx store.Tx) error {
		got, err := storetest.Samples().Read(tx)
		if diff := cmp.Diff(storetest.Samples(), got); diff != "" {
			t.Errorf("the records (-want +got):\n%s", diff)
		}
		if _, found, err := tx.Users.ByEmail("owner1@example.com"); !found || err != nil {
			t.Errorf("by address: found = %t, %v", found, err)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A field that the samples leave empty would have a layout that nothing holds it to.
func TestSamplesFillEveryField(t *testing.T) {
	unfilled(t, "Samples", reflect.ValueOf(storetest.Samples()))
}

func unfilled(t *testing.T, name string, v reflect.Value) {
	t.Helper()
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		unfilled(t, name, v.Elem())
	case v.Kind() == reflect.Slice && v.Len() > 0:
		unfilled(t, name, v.Index(0)) // the first one stands for all
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		for i := range v.NumField() {
			unfilled(t, name+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case v.IsZero():
		t.Errorf("%s is empty: fill it in the sample of package storetest, and run the tests with -update", name)
	}
}

func openAndClose(path string) error {
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return err
	}
	return s.Close()
}

// dump writes a store's entries in their order. The buckets of the roles that every service shares are left out: they are empty here.
func dump(t *testing.T, path string) []byte {
	t.Helper()
	var b bytes.Buffer
	inFile(t, path, func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bolt.Bucket) error {
			if name[0] == '_' {
				return nil
			}
			return bucket.ForEach(func(key, value []byte) error {
				_, err := fmt.Fprintf(&b, "%s %s %q\n", name, strconv.QuoteToASCII(string(key)), value)
				return err
			})
		})
	})
	return b.Bytes()
}

// load puts the entries of the layout file into a store.
func load(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(layoutFile)
	if err != nil {
		t.Fatal(err)
	}
	inFile(t, path, func(tx *bolt.Tx) error {
		lines := bufio.NewScanner(bytes.NewReader(raw))
		for lines.Scan() {
			bucket, rest, _ := strings.Cut(lines.Text(), " ")
			quotedKey, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return err
			}
			key, err := strconv.Unquote(quotedKey)
			if err != nil {
				return err
			}
			value, err := strconv.Unquote(strings.TrimSpace(rest[len(quotedKey):]))
			if err != nil {
				return err
			}
			if err := tx.Bucket([]byte(bucket)).Put([]byte(key), []byte(value)); err != nil {
				return err
			}
		}
		return lines.Err()
	})
}

func inFile(t *testing.T, path string, fn func(*bolt.Tx) error) {
	t.Helper()
	file, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Update(fn); err != nil {
		t.Error(err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}
