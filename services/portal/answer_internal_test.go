package portal

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzParseAnswer holds that a form changes something only if it says so once and clearly.
func FuzzParseAnswer(f *testing.F) {
	for _, seed := range []string{"", "answer=no", "answer=yes", "answer=no&answer=yes", "a=%6eo&answer=%6e%6f", "answer=no;", "answer=no&%", "&&answer=no&&"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		given := parseAnswer(body)
		if given == unanswered {
			return
		}
		form, err := url.ParseQuery(body)
		if err != nil {
			t.Fatalf("%q is malformed and yet an answer", body)
		}
		want := map[answer]string{itWasMe: "yes", itWasNotMe: "no"}[given]
		if got := strings.Join(form["answer"], "|"); got != want {
			t.Errorf("%q was taken for %q", body, want)
		}
	})
}

func FuzzURLSafe(f *testing.F) {
	f.Add("dlv_01ABC")
	f.Add("a/b")
	f.Add("\xff\x00é")
	f.Fuzz(func(t *testing.T, text string) {
		if urlSafe(text, maxToken) && (url.PathEscape(text) != text || text == "" || len(text) > maxToken) {
			t.Errorf("%q is taken for a part of a link", text)
		}
	})
}
