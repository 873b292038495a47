package story

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Inbox reads the development inbox's JSON.
type Inbox struct {
	// URL is the inbox's page.
	URL  string
	HTTP *http.Client
}

// Mail is a mail that arrived.
type Mail struct {
	ID      int      `json:"id"`
	Subject string   `json:"subject"`
	Text    string   `json:"text"`
	Links   []string `json:"links"`
}

const (
	// pollEvery is how often the inbox is asked while a mail is awaited.
	pollEvery = 10 * time.Millisecond
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 4 << 20
)

// Await waits for the first mail to an address after another one.
func (i Inbox) Await(ctx context.Context, to string, after int) (Mail, error) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		mails, err := i.list(ctx, to, after)
		if err != nil {
			return Mail{}, err
		}
		if len(mails) > 0 {
			return mails[0], nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return Mail{}, fmt.Errorf("no mail to %s came: %w", to, context.Cause(ctx))
		}
	}
}

// Count is how many mails to an address have come after another one.
func (i Inbox) Count(ctx context.Context, to string, after int) (int, error) {
	mails, err := i.list(ctx, to, after)
	return len(mails), err
}

func (i Inbox) list(ctx context.Context, to string, after int) ([]Mail, error) {
	query := url.Values{"to": {to}, "after": {strconv.Itoa(after)}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, i.URL+"/messages.json?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask the inbox: %w", err)
	}
	response, err := i.HTTP.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the inbox: %w", err)
	}
	defer response.Body.Close()
	var answer struct {
		Messages []Mail `json:"messages"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("read the inbox's answer (status %d): %w", response.StatusCode, err)
	}
	return answer.Messages, nil
}

// sixDigits finds the code in a mail's text.
var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

func (m Mail) code() (string, error) {
	code := sixDigits.FindString(m.Text)
	return code, expect(code != "", "the mail %q holds no code", m.Subject)
}

func (m Mail) link() (string, error) {
	for _, l := range m.Links {
		if strings.Contains(l, "/contain/") {
			return l, nil
		}
	}
	return "", expect(false, "the mail %q holds no link", m.Subject)
}
