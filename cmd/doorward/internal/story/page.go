package story

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Page is what a browser got.
type Page struct {
	Status int
	Body   string
}

// visit sends a browser's request: to open a page, or with a form to submit it.
func visit(ctx context.Context, client *http.Client, method, link string, form url.Values) (Page, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(ctx, method, link, body)
	if err != nil {
		return Page{}, fmt.Errorf("open the link: %w", err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	response, err := client.Do(request)
	if err != nil {
		// The URL would be in the error's text, and with it the contain-token.
		return Page{}, fmt.Errorf("%s the link: the portal doesn't answer", method)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return Page{}, fmt.Errorf("%s the link: the page broke off", method)
	}
	return Page{Status: response.StatusCode, Body: string(text)}, nil
}
