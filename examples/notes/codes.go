package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"
)

// codeReader finds the code that was mailed.
type codeReader interface {
	// prepare is called before the mail is sent.
	prepare(ctx context.Context) error
	read(ctx context.Context) (string, error)
}

// typedCodes asks the person who can read the mail.
type typedCodes struct{ terminal *terminal }

var _ codeReader = typedCodes{}

func (typedCodes) prepare(context.Context) error { return nil }

func (c typedCodes) read(ctx context.Context) (string, error) { return c.terminal.ask(ctx, "code: ") }

// The bounds of a look into the inbox.
const (
	lookEvery   = 200 * time.Millisecond
	mailWait    = 10 * time.Second
	inboxAnswer = 16 << 20
)

// inboxCodes reads the development inbox, `doorward inbox`, in the user's stead.
type inboxCodes struct {
	client *http.Client
	base   *url.URL
	email  string
	seen   int // the id of the last mail that was there before
}

var _ codeReader = (*inboxCodes)(nil)

func newInboxCodes(address, email string) (*inboxCodes, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("DOORWARD_INBOX is %q, and should be the inbox's address, such as http://127.0.0.1:7406", address)
	}
	return &inboxCodes{client: &http.Client{Timeout: 5 * time.Second}, base: base, email: email}, nil
}

// errNoMail reminds of the one case in which it is right that none comes: the owner of a taken address gets word instead.
var errNoMail = errors.New("no mail with a code came; if the address has an account already, leave out --sign-up")

func (c *inboxCodes) prepare(ctx context.Context) error {
	_, err := c.next(ctx)
	return err
}

// read waits for a mail with a code.
func (c *inboxCodes) read(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, mailWait, errNoMail)
	defer cancel()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		texts, err := c.next(ctx)
		if err != nil {
			return "", err
		}
		for _, text := range texts {
			if code := codeIn(text); code != "" {
				return code, nil
			}
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// next returns the texts of the mails that came since the last call.
func (c *inboxCodes) next(ctx context.Context) ([]string, error) {
	query := url.Values{"to": {c.email}, "after": {strconv.Itoa(c.seen)}}
	address := c.base.JoinPath("messages.json")
	address.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the inbox: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask the inbox: it answers %s", response.Status)
	}
	var list struct {
		Messages []struct {
			ID   int    `json:"id"`
			Text string `json:"text"`
		} `json:"messages"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, inboxAnswer)).Decode(&list); err != nil {
		return nil, fmt.Errorf("ask the inbox: %w", err)
	}
	var texts []string
	for _, message := range list.Messages {
		c.seen = max(c.seen, message.ID)
		texts = append(texts, message.Text)
	}
	return texts, nil
}

var codeLine = regexp.MustCompile(`(?m)^\s*(\d{6})\s*$`)

// codeIn is the code that stands on a line of its own, or "".
func codeIn(text string) string {
	found := codeLine.FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	return found[1]
}
