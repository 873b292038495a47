package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/doorward/internal/story"
)

// TestStoryFailsAtTheFirstStepThatIsNotAsTold plays the story in worlds that are each broken in one place: a demo that can't fail shows nothing.
func TestStoryFailsAtTheFirstStepThatIsNotAsTold(t *testing.T) {
	d := startDev(t, filepath.Join(t.TempDir(), "d"))
	tests := []struct {
		name string
		// spoil breaks the world. giveUp ends the wait for what won't come.
		spoil func(t *testing.T, w *story.World, giveUp func())
		step  int
		says  string
	}{
		{"mails bring no code", noCodes, 1, "holds no code"},
		{"the inbox doesn't answer", noInbox, 1, "ask the inbox"},
		{"no events", noEvents, 1, "no event authn.user.signed_up.v1 came"},
		{"the guarded service is down", noBackend(d), 4, "refuses the stranger too early"},
		{"the alert has no link", noLinks, 4, "holds no link"},
		{"the page doesn't say what happened", emptyPages, 5, "the page doesn't show"},
		{"opening the link answers it", linkAnswersItself, 5, "opening the link answered it"},
		{"the answer goes nowhere", deafPortal, 6, ""},
		{"the portal refuses the answer", closedPortal, 6, "the portal answers 503"},
		{"the stranger is sent a code after all", strayMail, 7, "1 mails came"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			w := d.world(t)
			var told []int
			w.Report = func(s story.Step) { told = append(told, s.Number) }
			tt.spoil(t, &w, cancel)
			err := story.Play(ctx, w)
			if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("step %d: ", tt.step)) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("Play = %v, want step %d to fail: %s", err, tt.step, tt.says)
			}
			if len(told) != tt.step-1 {
				t.Errorf("steps %v were told as done, though step %d failed", told, tt.step)
			}
		})
	}
}

// send passes a request on to where it was meant to go.
type send func(*http.Request) (*http.Response, error)

// RoundTrip makes it a client's transport.
func (s send) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

// between stands between the story and the web, inbox and portal alike.
type between func(r *http.Request, pass send) (*http.Response, error)

func (b between) spoil(t *testing.T, w *story.World) {
	web := &http.Transport{ResponseHeaderTimeout: patience}
	t.Cleanup(web.CloseIdleConnections)
	w.Inbox.HTTP = &http.Client{Transport: send(func(r *http.Request) (*http.Response, error) { return b(r, web.RoundTrip) })}
}

func isInbox(r *http.Request) bool  { return r.URL.Path == "/messages.json" }
func isPortal(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/contain/") }

// edited sends a request on and changes the answer's text.
func edited(r *http.Request, pass send, edit func(string) string) (*http.Response, error) {
	response, err := pass(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return page(r, response.StatusCode, edit(string(text))), nil
}

func page(r *http.Request, status int, text string) *http.Response {
	return &http.Response{StatusCode: status, Request: r, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}
}

// saysNo tells whether a request submits the owner's "no", and leaves its body readable.
func saysNo(r *http.Request) bool {
	if r.Method != http.MethodPost {
		return false
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err == nil && string(body) == url.Values{"answer": {"no"}}.Encode()
}

func noCodes(t *testing.T, w *story.World, _ func()) {
	between(func(r *http.Request, pass send) (*http.Response, error) {
		return edited(r, pass, func(text string) string { return sixDigits.ReplaceAllString(text, "??????") })
	}).spoil(t, w)
}

func noLinks(t *testing.T, w *story.World, _ func()) {
	between(func(r *http.Request, pass send) (*http.Response, error) {
		return edited(r, pass, func(text string) string { return strings.ReplaceAll(text, "/contain/", "/elsewhere/") })
	}).spoil(t, w)
}

func noInbox(t *testing.T, w *story.World, _ func()) {
	between(func(*http.Request, send) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }).spoil(t, w)
}

// soon is how long the story may wait for what a broken world doesn't bring.
const soon = 300 * time.Millisecond

func noEvents(t *testing.T, w *story.World, giveUp func()) {
	w.Events.Close()
	between(func(r *http.Request, pass send) (*http.Response, error) {
		return edited(r, pass, func(text string) string {
			if sixDigits.MatchString(text) { // the code is there; what is missing next is the event
				time.AfterFunc(10*soon, giveUp)
			}
			return text
		})
	}).spoil(t, w)
}

// noBackend puts the guarded service of a world that has ended into one that hasn't.
func noBackend(d *dev) func(*testing.T, *story.World, func()) {
	return func(t *testing.T, w *story.World, _ func()) {
		ended, end := d.connect(t)
		end()
		w.Guarded = ended.Guarded
	}
}

func emptyPages(t *testing.T, w *story.World, _ func()) {
	between(func(r *http.Request, pass send) (*http.Response, error) {
		return edited(r, pass, func(text string) string {
			if isPortal(r) {
				return ""
			}
			return text
		})
	}).spoil(t, w)
}

// linkAnswersItself is a portal for which GET is an answer, the mistake that mail scanners make expensive.
func linkAnswersItself(t *testing.T, w *story.World, _ func()) {
	between(func(r *http.Request, pass send) (*http.Response, error) {
		if !isPortal(r) || r.Method != http.MethodGet {
			return pass(r)
		}
		answer := r.Clone(r.Context())
		form := url.Values{"answer": {"no"}}.Encode()
		answer.Method, answer.Body, answer.ContentLength = http.MethodPost, io.NopCloser(strings.NewReader(form)), int64(len(form))
		answer.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer.Header.Set("Sec-Fetch-Site", "same-origin")
		return pass(answer)
	}).spoil(t, w)
}

func deafPortal(t *testing.T, w *story.World, giveUp func()) {
	between(func(r *http.Request, pass send) (*http.Response, error) {
		if isPortal(r) && saysNo(r) {
			time.AfterFunc(soon, giveUp)
			return page(r, http.StatusOK, ""), nil
		}
		return pass(r)
	}).spoil(t, w)
}

func closedPortal(t *testing.T, w *story.World, _ func()) {
	between(func(r *http.Request, pass send) (*http.Response, error) {
		if isPortal(r) && saysNo(r) {
			return page(r, http.StatusServiceUnavailable, ""), nil
		}
		return pass(r)
	}).spoil(t, w)
}

// strayMail is a mail in the mailbox after the containment was confirmed: the story must look, not assume.
func strayMail(t *testing.T, w *story.World, _ func()) {
	confirmed := false
	between(func(r *http.Request, pass send) (*http.Response, error) {
		if !isInbox(r) {
			return pass(r)
		}
		return edited(r, pass, func(text string) string {
			if confirmed {
				return `{"messages": [{"id": 1000000, "subject": "Your confirmation code", "text": "123456"}]}`
			}
			confirmed = strings.Contains(text, "We ended the sign-in")
			return text
		})
	}).spoil(t, w)
}
