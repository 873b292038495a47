package inbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/netutil"

	"github.com/doorward/doorward/internal/app"
)

// maxConnections bounds the clients of each listener; more wait to be accepted.
const maxConnections = 64

// ErrNotLoopback refuses an address that other machines could reach.
var ErrNotLoopback = errors.New("not a loopback address; allow remote access explicitly if that is meant")

// Config says where the inbox listens. The zero value is a working one.
type Config struct {
	SMTPAddress string           // host:port; port 0 picks a free one. Default 127.0.0.1:7405
	WebAddress  string           // host:port; port 0 picks a free one. Default 127.0.0.1:7406
	AllowRemote bool             // listen beyond loopback, as in a container
	TLS         *tls.Config      // offers STARTTLS if set
	Logger      *slog.Logger     // default: discards
	Now         func() time.Time // default: time.Now
}

func (c Config) withDefaults() Config {
	if c.SMTPAddress == "" {
		c.SMTPAddress = "127.0.0.1:7405"
	}
	if c.WebAddress == "" {
		c.WebAddress = "127.0.0.1:7406"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Inbox is a development mail server. Make one with New, then Run it.
type Inbox struct {
	mailbox      *mailbox
	smtp         *smtp.Server
	smtpListener net.Listener
	web          *http.Server
	webListener  net.Listener
}

// New opens both listeners, so that the addresses are known before Run.
func New(config Config) (*Inbox, error) {
	config = config.withDefaults()
	smtpListener, err := listen(config.SMTPAddress, config.AllowRemote)
	if err != nil {
		return nil, fmt.Errorf("inbox, for SMTP: %w", err)
	}
	webListener, err := listen(config.WebAddress, config.AllowRemote)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("inbox, for its page: %w", err), smtpListener.Close())
	}

	box := newMailbox()
	return &Inbox{
		mailbox:      box,
		smtp:         newSMTPServer(config, box),
		smtpListener: smtpListener,
		web:          newWebServer(config, box, smtpListener.Addr().String()),
		webListener:  webListener,
	}, nil
}

// listen refuses what isn't loopback before the port is open.
func listen(address string, allowRemote bool) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if !allowRemote && !isLoopback(host) {
		return nil, ErrNotLoopback
	}
	// Opening a port waits for nobody, so no caller's context is asked for.
	listener, err := app.Listen(context.Background(), address)
	if err != nil {
		return nil, err
	}
	return netutil.LimitListener(listener, maxConnections), nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// SMTPAddr is where mail is accepted, host:port.
func (i *Inbox) SMTPAddr() string { return i.smtpListener.Addr().String() }

// WebAddr is where the page is served, host:port.
func (i *Inbox) WebAddr() string { return i.webListener.Addr().String() }

// Messages lists what is kept, oldest first.
func (i *Inbox) Messages() []Message { return i.mailbox.list() }

// Wait returns the oldest kept message that matches, or the first to arrive that does.
func (i *Inbox) Wait(ctx context.Context, match func(Message) bool) (Message, error) {
	return i.mailbox.wait(ctx, match)
}

// Run serves until the context ends or a listener fails, and closes both. Run owns
// the two serving goroutines and returns after they ended; connections are
// closed, and a mail that wasn't acknowledged by then is its sender's to repeat.
func (i *Inbox) Run(ctx context.Context) error {
	failed := make(chan error, 2)
	go func() { failed <- i.serveSMTP() }()
	go func() { failed <- i.serveWeb() }()

	var first error
	running := 2
	select {
	case <-ctx.Done():
	case first = <-failed:
		running--
	}
	i.Close()
	for range running {
		first = errors.Join(first, <-failed)
	}
	return first
}

func (i *Inbox) serveSMTP() error {
	if err := i.smtp.Serve(i.smtpListener); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("inbox: serve SMTP: %w", err)
	}
	return nil
}

func (i *Inbox) serveWeb() error {
	if err := i.web.Serve(i.webListener); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("inbox: serve HTTP: %w", err)
	}
	return nil
}

// Close lets go of an inbox that isn't run after all; Run does it itself. It stops both servers. The listeners are closed directly as well, because a
// server that hasn't begun to serve doesn't know its listener yet. What closing
// twice answers says nothing, so the errors are dropped.
func (i *Inbox) Close() {
	_ = i.smtp.Close()
	_ = i.web.Close()
	_ = i.smtpListener.Close()
	_ = i.webListener.Close()
}
