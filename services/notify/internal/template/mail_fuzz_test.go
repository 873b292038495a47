package template

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// FuzzMail has strangers choose everything that a mail shows of them. Their words change words and nothing else: the HTML keeps its elements and
// links, the text keeps its lines, and nothing in either is invisible.
func FuzzMail(f *testing.F) {
	c, err := New()
	if err != nil {
		f.Fatal(err)
	}
	honest := origin()
	hostile := hostileOrigin()
	for _, o := range []Origin{honest, hostile} {
		f.Add("ann@example.com", o.Device, o.Browser, o.System, o.Place, o.IP, "en-GB")
	}
	f.Add("\u200b", "", "", "", "", "", "\xff-")
	f.Add("<a href=x>@x.example", "{{.Link}}", "&lt;script&gt;", "a\u2028b", "javascript:alert(1)", "::1%<b>", "de")
	told := func(tag, recipient string, o Origin) (Mail, error) {
		in := alert()
		in.Recipient, in.Origin = recipient, o
		return c.NewDevice(tag, in)
	}
	plain, err := told("en", "ann@example.com", honest)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, recipient, device, browser, system, place, ip, tag string) {
		got, err := told(tag, recipient, Origin{Device: device, Browser: browser, System: system, Place: place, IP: ip, Time: noon})
		if err != nil {
			if !errors.Is(err, ErrInput) {
				t.Errorf("%v isn't ErrInput", err)
			}
			return
		}
		if got.Subject != plain.Subject || strings.Count(got.Text, "\n") != strings.Count(plain.Text, "\n") {
			t.Errorf("subject %q and text:\n%s", got.Subject, got.Text)
		}
		if !utf8.ValidString(got.Text) || strings.ContainsFunc(got.Text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
			t.Errorf("the text has what can't be seen: %q", got.Text)
		}
		if longer := utf8.RuneCountInString(got.Text) - utf8.RuneCountInString(plain.Text); longer > 10*maxLine {
			t.Errorf("strangers' words make the text longer by %d characters", longer)
		}
		if a, b := skeleton(plain.HTML), skeleton(got.HTML); a != b {
			t.Errorf("the HTML's elements are\n%s\nand not\n%s", b, a)
		}
	})
}

// skeleton is the HTML without its text: tags, and attributes with their values.
func skeleton(markup string) string {
	var b strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(markup))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
		default:
			b.WriteString(tokens.Token().String() + "\n")
		}
	}
}
