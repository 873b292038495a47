package inbox

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// maxLinks bounds what is listed of one mail.
const maxLinks = 100

var linkInText = regexp.MustCompile(`https?://[^\s<>"]+`)

// links lists the http and https links of both bodies, in order, each once.
func links(text, markup string) []string {
	found := []string{}
	add := func(link string) {
		if len(found) < maxLinks && isWeb(link) && !slices.Contains(found, link) {
			found = append(found, link)
		}
	}
	for _, link := range linkInText.FindAllString(text, -1) {
		add(strings.TrimRight(link, ".,;:!?)]'"))
	}
	tokens := html.NewTokenizer(strings.NewReader(markup))
	for {
		switch tokens.Next() {
		case html.ErrorToken: // the end, or markup that can't be read further
			return found
		case html.StartTagToken, html.SelfClosingTagToken:
			add(target(tokens.Token()))
		}
	}
}

// target is the href of an anchor, or "".
func target(token html.Token) string {
	if token.Data != "a" {
		return ""
	}
	for _, attribute := range token.Attr {
		if attribute.Key == "href" {
			return strings.TrimSpace(attribute.Val)
		}
	}
	return ""
}

func isWeb(link string) bool {
	parsed, err := url.Parse(link)
	return err == nil && (parsed.Scheme == "https" || parsed.Scheme == "http") && parsed.Host != ""
}
