package useragent

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const appleWebKit = "AppleWebKit/537.36 (KHTML, like Gecko) "

func TestParseNamesWhatAnOwnerRecognises(t *testing.T) {
	tests := []struct {
		name    string
		header  string
		want    Description
		summary string
	}{
		{
			"Firefox on Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0",
			Description{"Firefox", "146", "Linux", Desktop}, "Firefox on Linux",
		},
		{
			"Chrome on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + appleWebKit + "Chrome/142.0.0.0 Safari/537.36",
			Description{"Chrome", "142", "Windows", Desktop}, "Chrome on Windows",
		},
		{
			"Edge is not taken for Chrome", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + appleWebKit + "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
			Description{"Edge", "142", "Windows", Desktop}, "Edge on Windows",
		},
		{
			"Opera is not taken for Chrome", "Mozilla/5.0 (X11; Linux x86_64) " + appleWebKit + "Chrome/142.0.0.0 Safari/537.36 OPR/124.0.0.0",
			Description{"Opera", "124", "Linux", Desktop}, "Opera on Linux",
		},
		{
			"Safari on a Mac", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
			Description{"Safari", "26", "macOS", Desktop}, "Safari on macOS",
		},
		{
			"Safari on an iPhone", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
			Description{"Safari", "26", "iOS", Phone}, "Safari on iOS",
		},
		{
			"Chrome on an iPad", "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1",
			Description{"Chrome", "142", "iOS", Tablet}, "Chrome on iOS",
		},
		{
			"Chrome on Android, reduced header", "Mozilla/5.0 (Linux; Android 10; K) " + appleWebKit + "Chrome/142.0.0.0 Mobile Safari/537.36",
			Description{"Chrome", "142", "Android", Phone}, "Chrome on Android",
		},
		{
			"Firefox on an Android tablet", "Mozilla/5.0 (Android 16; Tablet; rv:146.0) Gecko/146.0 Firefox/146.0",
			Description{"Firefox", "146", "Android", Tablet}, "Firefox on Android",
		},
		{
			"Samsung's browser", "Mozilla/5.0 (Linux; Android 10; K) " + appleWebKit + "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
			Description{"Samsung Internet", "28", "Android", Phone}, "Samsung Internet on Android",
		},
		{
			"a Chromebook", "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " + appleWebKit + "Chrome/142.0.0.0 Safari/537.36",
			Description{"Chrome", "142", "ChromeOS", Desktop}, "Chrome on ChromeOS",
		},
		{
			"a headless browser is a bot", "Mozilla/5.0 (X11; Linux x86_64) " + appleWebKit + "HeadlessChrome/142.0.0.0 Safari/537.36",
			Description{"Headless Chrome", "142", "Linux", Bot}, "Headless Chrome on Linux",
		},
		{
			"a crawler is a bot", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
			Description{"Googlebot", "2", "", Bot}, "Googlebot",
		},
		{"a script", "curl/8.14.1", Description{"curl", "8", "", Unknown}, "curl"},
		{"a Go program", "Go-http-client/2.0", Description{"a Go program", "2", "", Unknown}, "a Go program"},
		{"nothing", "", Description{Kind: Unknown}, "an unknown browser"},
		{"only a system", "Mozilla/5.0 (Windows NT 10.0)", Description{System: "Windows", Kind: Desktop}, "an unknown browser on Windows"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Parse(test.header)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
			if got.Summary() != test.summary {
				t.Errorf("Summary() = %q, want %q", got.Summary(), test.summary)
			}
		})
	}
}

func TestParsePassesOnNoWordsOfTheHeader(t *testing.T) {
	tests := map[string]string{
		"a sentence":             "Your account was closed, call 555 0100",
		"a link":                 "Visit http://evil.example now",
		"markup":                 "<script>alert(1)</script>/9.0",
		"a header line":          "Firefox\r\nBcc: all@example.com",
		"a sentence in brackets": "Mozilla/5.0 (Call 555 0100 at once) Hurry/1.0",
		"control characters":     "\x00\x1b[31mred\x1b[0m",
		"no text at all":         "\xff\xfe\xfd",
	}
	for name, header := range tests {
		t.Run(name, func(t *testing.T) {
			got := Parse(header)
			if got.Browser != "" || got.BrowserVersion != "" || got.System != "" {
				t.Errorf("Parse(%q) = %+v, want no names", header, got)
			}
		})
	}
}

func TestParseRefusesVersionsNoBrowserHas(t *testing.T) {
	for _, version := range []string{"5550100", "0", "-3", "x", "99999999999999999999"} {
		got := Parse("Mozilla/5.0 (X11; Linux x86_64; rv:1.0) Gecko/20100101 Firefox/" + version)
		if got.Browser != "Firefox" || got.BrowserVersion != "" {
			t.Errorf("Firefox/%s gives version %q, want none", version, got.BrowserVersion)
		}
	}
}

func TestParseLooksAtABoundedLength(t *testing.T) {
	header := "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) " + strings.Repeat("x", MaxLength) + " Firefox/146.0"
	if got := Parse(header); got.Browser == "Firefox" || got.System != "Linux" {
		t.Errorf("Parse = %+v, want Linux and what follows %d bytes ignored", got, MaxLength)
	}
}

// FuzzParse holds the promise of the package comment: whatever the header, each
// word of the answer comes from the vocabulary.
func FuzzParse(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0")
	f.Add("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/142.0.0.0 Mobile Safari/537.36")
	f.Add("Instagram 300.0 (iPhone; iOS 18_6; [FBAN/FBIOS;FBAV/1;+http://x/)")
	f.Add("CrOS x86_64 ;Android ;Android tablet;(((:/:/")
	browserNames := slices.Collect(maps.Values(browsers))
	systemNames := slices.Collect(maps.Values(systems))
	kinds := []Kind{Unknown, Desktop, Phone, Tablet, Bot}

	f.Fuzz(func(t *testing.T, header string) {
		got := Parse(header)
		if got.Browser != "" && !slices.Contains(browserNames, got.Browser) {
			t.Errorf("browser %q is not of the vocabulary", got.Browser)
		}
		if got.System != "" && !slices.Contains(systemNames, got.System) {
			t.Errorf("system %q is not of the vocabulary", got.System)
		}
		if !slices.Contains(kinds, got.Kind) {
			t.Errorf("kind %q is not of the vocabulary", got.Kind)
		}
		if len(got.BrowserVersion) > 4 || strings.Trim(got.BrowserVersion, "0123456789") != "" {
			t.Errorf("version %q is not a short number", got.BrowserVersion)
		}
		if got.Summary() == "" {
			t.Error("the summary is empty")
		}
	})
}
