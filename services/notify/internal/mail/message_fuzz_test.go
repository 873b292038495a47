package mail

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ourHeaders are all that a mail of ours has.
var ourHeaders = []string{
	"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To", "X-Auto-Response-Suppress",
}

// FuzzMessage writes a mail of any address, subject and text. It is refused, or goes out as one mail to that one address, with our headers alone and
// the texts as they were.
func FuzzMessage(f *testing.F) {
	f.Add("dlv_1", "ada@example.org", "New sign-in", "Was this you?\n", "<p>Was this you?</p>\n")
	f.Add("dlv_1", "ada@example.org\r\nBcc: eve@example.org", "New\r\nBcc: eve@example.org", "x", "y")
	f.Add("dlv>1", "Ada <ada@example.org>", "\u2028", "", "")
	f.Add("dlv_1", "ada@example.org, eve@example.org", strings.Repeat("é", 100), ".\r\n.\r\n", "--\x00")
	f.Add("dlv_1", "\"a b\"@example.org", "=?utf-8?q?x?=", "= \t\nFrom x", "<p>é</p>")
	f.Add("dlv_1", "é@bücher.example", " ", "\xff", "y")
	from := &mail.Address{Name: "Doorward", Address: "no-reply@example.com"}
	f.Fuzz(func(t *testing.T, id, to, subject, text, markup string) {
		m := Message{ID: id, To: to, Subject: subject, Text: text, HTML: markup}
		if err := m.validate(); err != nil {
			if !errors.Is(err, ErrMessage) {
				t.Errorf("%v isn't ErrMessage", err)
			}
			return
		}
		var wire bytes.Buffer
		if _, err := m.build(from, time.Unix(1772366400, 0)).WriteTo(&wire); err != nil {
			t.Fatal(err)
		}
		got, err := mail.ReadMessage(&wire)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ourHeaders, slices.Sorted(maps.Keys(got.Header))); diff != "" {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
		for name, values := range got.Header {
			if len(values) != 1 {
				t.Errorf("%s stands there %d times", name, len(values))
			}
		}
		if list, err := got.Header.AddressList("To"); err != nil || len(list) != 1 || list[0].Address != to {
			t.Errorf("to %q goes to %v, %v", to, list, err)
		}
		if got := got.Header.Get("Message-Id"); got != "<"+id+"@example.com>" {
			t.Errorf("Message-ID %q", got)
		}
		requireTexts(t, got, text, markup)
	})
}

// requireTexts fails unless the mail's two bodies are these. Line breaks are the wire's, and invalid text may be replaced.
func requireTexts(t *testing.T, got *mail.Message, want ...string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("a mail of type %q, %v", kind, err)
	}
	parts := multipart.NewReader(got.Body, params["boundary"])
	for _, body := range want {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		if encoding := part.Header.Get("Content-Transfer-Encoding"); encoding != "quoted-printable" {
			t.Errorf("a part in %q", encoding)
		}
		read, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		if a, b := lines(body), lines(string(read)); a != b {
			t.Errorf("%q arrives as %q", body, read)
		}
	}
	if _, err := parts.NextRawPart(); !errors.Is(err, io.EOF) {
		t.Errorf("another part: %v", err)
	}
}

// lines takes all line breaks for the same.
func lines(body string) string {
	return strings.TrimRight(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(body), "\n")
}
