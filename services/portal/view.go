package portal

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/telemetry"
)

//go:embed page/*.html
var pageFiles embed.FS

// The pages, by their file.
const (
	pageAsk       = "ask.html"       // the facts and the question
	pageKept      = "kept.html"      // it was the owner; nothing was changed
	pageContained = "contained.html" // it wasn't; what is being ended
	pageRefused   = "refused.html"   // not our form
	pageNoLink    = "nolink.html"    // whatever is wrong with the link
	pageLater     = "later.html"     // notify doesn't answer
)

// view is what a page shows.
type view struct {
	Account    string // "your Notes account"
	Facts      []fact
	AnsweredAt string
	Unanswered bool   // the form came without an answer
	Sent       bool   // an answer was sent, and nobody knows whether it arrived
	RequestID  string // for the operator
}

// fact is one line about the sign-in.
type fact struct{ Name, Value string }

// pages are the parsed templates.
type pages struct{ set *template.Template }

func parsePages() (*pages, error) {
	set, err := template.New("").Option("missingkey=error").ParseFS(pageFiles, "page/*.html")
	if err != nil {
		return nil, fmt.Errorf("portal: parse the pages: %w", err)
	}
	return &pages{set: set}, nil
}

// render fills a page before it sends a byte, so that a fault in a template is a clean 500 and not half a page.
func (s *site) render(w http.ResponseWriter, r *http.Request, status int, name string, shown view) {
	shown.Account = s.account()
	shown.RequestID = telemetry.RequestID(r.Context())
	var page bytes.Buffer
	if err := s.pages.set.ExecuteTemplate(&page, name, shown); err != nil {
		s.logger.LogAttrs(r.Context(), slog.LevelError, "page failed", slog.String("page", name), slog.Any("error", err))
		http.Error(w, "Something failed on our side. Please try again.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// A browser that went away is no fault of ours.
	_, _ = w.Write(page.Bytes())
}

func (s *site) account() string {
	if s.product == "" {
		return "your account"
	}
	return "your " + s.product + " account"
}

func (s *site) viewOf(found *notifyv1.Containment) view {
	device := found.GetDevice()
	shown := view{Facts: []fact{
		{"Device", kindName(device.GetKind())},
		{"Browser", known(device.GetBrowser())},
		{"System", known(device.GetSystem())},
		{"Place", known(found.GetPlace().GetCountryName())},
		{"IP address", known(found.GetIp())},
		{"Time", moment(found.GetSignedInAt())},
		{"Signed in with", sentence(known(found.GetMethod()))},
	}}
	if at := found.GetConfirmedAt(); at != nil {
		shown.AnsweredAt = moment(at)
	}
	return shown
}

// kindName uses the words of the mail, which its reader compares with the page.
func kindName(kind typev1.DeviceKind) string {
	switch kind {
	case typev1.DeviceKind_DEVICE_KIND_DESKTOP:
		return "Desktop"
	case typev1.DeviceKind_DEVICE_KIND_PHONE:
		return "Phone"
	case typev1.DeviceKind_DEVICE_KIND_TABLET:
		return "Tablet"
	case typev1.DeviceKind_DEVICE_KIND_BOT:
		return "A program"
	default:
		return known("")
	}
}

// known says so when a fact isn't known.
func known(value string) string {
	if value == "" {
		return "Unknown"
	}
	return value
}

// sentence begins with a capital letter, as the facts around it do.
func sentence(words string) string {
	first, size := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(first)) + words[size:]
}

// moment is a time as a person reads it. UTC, as the reader's own zone isn't known.
func moment(at *timestamppb.Timestamp) string {
	if !at.IsValid() {
		return known("")
	}
	return at.AsTime().In(time.UTC).Format("2 January 2006, 15:04 UTC")
}
