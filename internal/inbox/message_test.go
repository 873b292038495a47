package inbox

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const alternative = "From: =?utf-8?q?T=C3=BCr?= <door@example.com>\r\n" +
	"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n" +
	"Date: Sun, 01 Mar 2026 12:00:00 +0000\r\n" +
	"Message-ID: <dlv_1@example.com>\r\n" +
	"Content-Type: multipart/alternative; boundary=edge\r\n\r\n" +
	"--edge\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"Sch=C3=B6n: see https://example.com/a=\r\n?x=3D1.\r\n" +
	"--edge\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
	"PHA+PGEgaHJlZj0iaHR0cHM6Ly9leGFtcGxl\r\nLmNvbS9iP3g9MSZhbXA7eT0yIj5iPC9hPjwvcD4=\r\n" +
	"--edge--\r\n"

func TestParseReadsTextAndHTML(t *testing.T) {
	got, err := parse([]byte(alternative))
	if err != nil {
		t.Fatal(err)
	}
	want := Message{
		From:      "Tür <door@example.com>",
		Subject:   "Grüße",
		MessageID: "dlv_1@example.com",
		Text:      "Schön: see https://example.com/a?x=1.",
		HTML:      `<p><a href="https://example.com/b?x=1&amp;y=2">b</a></p>`,
		Links:     []string{"https://example.com/a?x=1", "https://example.com/b?x=1&y=2"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Message{}, "Date")); diff != "" {
		t.Errorf("parse (-want +got):\n%s", diff)
	}
	if got.Date.Unix() != 1772366400 {
		t.Errorf("Date = %v", got.Date)
	}
}

func TestParseLeavesAttachmentsOut(t *testing.T) {
	raw := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nattached\r\n" +
		"--b\r\n\r\nbody\r\n--b--\r\n"
	got, err := parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if got.Text != "body" {
		t.Errorf("Text = %q", got.Text)
	}
}

func TestParseBoundsTheParts(t *testing.T) {
	many := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", maxParts+1) + "--b--\r\n"
	var deep strings.Builder
	for level := range maxDepth + 2 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", level, level)
	}
	for name, raw := range map[string]string{"many": many, "deep": deep.String()} {
		if _, err := parse([]byte(raw)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

func TestLinksAreWebLinksOnly(t *testing.T) {
	text := "see (https://example.com/a), https://example.com/a. or ftp://example.com and http://"
	markup := `<a href="javascript:alert(1)">x</a> <a href="data:text/html,x">y</a> <A HREF='http://example.com/b'>z</A> <img src="https://example.com/i">`
	want := []string{"https://example.com/a", "http://example.com/b"}
	if diff := cmp.Diff(want, links(text, markup)); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}

// FuzzParse feeds the parser what an SMTP client may send: it never panics, and
// what it keeps is text that can be shown, with links that are of the web.
func FuzzParse(f *testing.F) {
	f.Add([]byte(alternative))
	f.Add([]byte("Subject: x\r\n\r\nhttp://[::1"))
	f.Add([]byte("Date: Sun, 01 Mar 2026 12:00:00 +2400\r\n\r\nx"))
	f.Add([]byte("Date: Fri, 31 Dec 9999 23:59:59 -2359\r\n\r\nx"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<a href=http://x>\r\n--b--"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		message, err := parse(raw)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%v isn't ErrMalformed", err)
			}
			return
		}
		message.To = []string{"a@x.example"} // the envelope's
		requireShowable(t, message)
		for _, link := range message.Links {
			if !strings.HasPrefix(strings.ToLower(link), "http") {
				t.Errorf("link %q", link)
			}
		}
	})
}
