package boltdb_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/secret"
)

// trace is a record of the kinds of values that our stores keep.
type trace struct {
	ID      string            `json:"id"`
	At      time.Time         `json:"at"`
	IP      netip.Addr        `json:"ip"`
	Secret  secret.Digest     `json:"secret,omitzero"`
	Version uint64            `json:"version"`
	Sealed  []byte            `json:"sealed"`
	Names   []string          `json:"names"`
	Detail  map[string]string `json:"detail"`
}

// isOurs says whether what an error has of a record are words that it has for records of the same version that hold nothing, too.
func isOurs(table boltdb.Table[trace], raw []byte) bool {
	for _, empty := range []string{"", "{", "{}", "x"} {
		_, err := boltdb.Decode(table, append(bytes.Clone(raw[:min(1, len(raw))]), empty...))
		if err != nil && quotes(err, raw) {
			return true
		}
	}
	return false
}

// FuzzRecord reads a record of any bytes, as a damaged file or a wrong tool may leave it. What is read can be written and read again as the same;
// what isn't gives an error that quotes nothing of the record.
func FuzzRecord(f *testing.F) {
	table := boltdb.Table[trace]{Bucket: "traces", Version: 2}
	good, err := boltdb.Encode(table, trace{
		ID: "usr_1", At: time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC), IP: netip.MustParseAddr("2001:db8::1"), Secret: secret.Hash(secret.Wrap("x")),
		Version: 7, Sealed: []byte{1, 2}, Names: []string{"ada@example.org"}, Detail: map[string]string{"a": "b"},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(append([]byte{3}, good[1:]...))
	for _, body := range []string{
		`{`, `{"at":"ada@example.org"}`, `{"ip":"ada@example.org"}`, `{"secret":"ada@example.org"}`, `{"version":123456789012345678901234567890}`,
		`{"names":{"ada@example.org":1}}`, `{"at":"9999-12-31T23:59:59-23:59"}`, `{"ip":"fe80::1%ada@example.org"}`, `null`, `{"id":"a","ID":"b"}`,
	} {
		f.Add([]byte("\x01" + body))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		value, err := boltdb.Decode(table, raw)
		if err != nil {
			if quotes(err, raw) && !isOurs(table, raw) {
				t.Errorf("%v quotes %q", err, raw)
			}
			return
		}
		written, err := boltdb.Encode(table, value)
		if err != nil {
			t.Fatalf("%+v was read and can't be written: %v", value, err)
		}
		again, err := boltdb.Decode(table, written)
		if err != nil {
			t.Fatalf("%q was written and can't be read: %v", written, err)
		}
		if rewritten, err := boltdb.Encode(table, again); err != nil || !bytes.Equal(rewritten, written) {
			t.Errorf("written as %q and then as %q, %v", written, rewritten, err)
		}
	})
}

// quotes says whether an error holds eight bytes of the record in a row.
func quotes(err error, raw []byte) bool {
	const run = 8
	text := err.Error()
	for i := 0; i+run <= len(text); i++ {
		if bytes.Contains(raw, []byte(text[i:i+run])) && strings.TrimSpace(text[i:i+run]) != "" {
			return true
		}
	}
	return false
}
