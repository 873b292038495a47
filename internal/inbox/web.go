package inbox

import (
	"embed"
	"encoding/json"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

//go:embed page/*.html
var pageFiles embed.FS

//go:embed page/style.css
var styleSheet string

// The page runs no script and loads nothing but its own style sheet and frame.
const pagePolicy = "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// A mail's own HTML may style itself, since mails know no other way than inline
// styles. It is a sandbox without origin or script: a link opens a new tab, and
// nothing, images included, is fetched.
const mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"

// site serves the mailbox to a browser and, as JSON, to a program.
type site struct {
	mailbox  *mailbox
	pages    *template.Template
	smtpAddr string
	logger   *slog.Logger
}

func newWebServer(config Config, box *mailbox, smtpAddr string) *http.Server {
	s := &site{
		mailbox:  box,
		pages:    template.Must(template.ParseFS(pageFiles, "page/*.html")),
		smtpAddr: smtpAddr,
		logger:   config.Logger,
	}
	return &http.Server{
		Handler:           s.guard(s.routes(), config.AllowRemote),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(config.Logger.Handler(), slog.LevelWarn),
	}
}

func (s *site) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.list)
	mux.HandleFunc("GET /messages.json", s.listJSON)
	mux.HandleFunc("GET /messages/{id}", s.message)
	mux.HandleFunc("GET /messages/{id}/html", s.messageHTML)
	mux.HandleFunc("GET /style.css", s.styleSheet)
	return mux
}

// guard sets the headers every answer has. On loopback it also refuses names
// that aren't ours: a web page anywhere can point its own name at 127.0.0.1 and
// would read the codes as its own origin (DNS rebinding).
func (s *site) guard(next http.Handler, allowRemote bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !allowRemote && !isLoopback(hostOf(r)) {
			http.Error(w, "open the inbox by its address, such as http://"+localAddr(r), http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func hostOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		return r.Host
	}
	return host
}

func localAddr(r *http.Request) string {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return addr.String()
	}
	return "localhost"
}

// list is the page of all mails, newest first.
func (s *site) list(w http.ResponseWriter, _ *http.Request) {
	messages := s.mailbox.list()
	slices.Reverse(messages)
	s.render(w, "list.html", struct {
		Messages []Message
		SMTPAddr string
		Kept     int
	}{messages, s.smtpAddr, maxMessages})
}

// message is the page of one mail: its links, text and HTML.
func (s *site) message(w http.ResponseWriter, r *http.Request) {
	if message, ok := s.find(w, r); ok {
		s.render(w, "message.html", message)
	}
}

// messageHTML is a mail's HTML for the frame in its page.
func (s *site) messageHTML(w http.ResponseWriter, r *http.Request) {
	message, ok := s.find(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Security-Policy", mailPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	s.write(w, []byte(message.HTML))
}

func (s *site) styleSheet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	s.write(w, []byte(styleSheet))
}

// listJSON answers {"messages": […]}, oldest first; ?to= keeps one recipient's
// mails, ?after= those with a higher id.
func (s *site) listJSON(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	after := 0
	if value := query.Get("after"); value != "" {
		var err error
		if after, err = strconv.Atoi(value); err != nil || after < 0 {
			http.Error(w, "after must be the id of a message, a whole number", http.StatusBadRequest)
			return
		}
	}
	messages, _ := s.mailbox.after(after)
	if to := query.Get("to"); to != "" {
		messages = slices.DeleteFunc(messages, func(m Message) bool { return !m.SentTo(to) })
	}
	body, err := json.MarshalIndent(map[string]any{"messages": append([]Message{}, messages...)}, "", "  ")
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	s.write(w, append(body, '\n'))
}

func (s *site) find(w http.ResponseWriter, r *http.Request) (Message, bool) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		http.Error(w, "a message's id is a whole number", http.StatusNotFound)
		return Message{}, false
	}
	message, ok := s.mailbox.get(id)
	if !ok {
		http.Error(w, "no such message; the inbox keeps the last "+strconv.Itoa(maxMessages), http.StatusNotFound)
	}
	return message, ok
}
