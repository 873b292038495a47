package pwned

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/breaker"
)

const (
	// DefaultHost is Have I Been Pwned's.
	DefaultHost = "https://api.pwnedpasswords.com"

	// timeout is how long the whole answer may take.
	timeout = 2 * time.Second
	// failuresToOpen is how many calls in a row must fail before nobody is asked.
	failuresToOpen = 5
	// pause is how long nobody is asked.
	pause = 10 * time.Second
	// fresh is for how long a good answer shows that the host is there.
	fresh = 5 * time.Second
	// maxConnections bounds the connections to the host. Calls beyond wait, within their deadline.
	maxConnections = 16
	maxHeader      = 16 << 10
	userAgent      = "doorward"
)

// ErrDown says that the host wasn't asked, because it gave no good answer a moment ago.
var ErrDown = errors.New("the range API gave no good answer a moment ago and isn't asked for now")

// Config is what a Client needs.
type Config struct {
	// Host is the address before /range/, such as DefaultHost: https, or http to this machine itself.
	Host       string
	Now        func() time.Time
	Registerer prometheus.Registerer
}

// Client asks the range API. It is safe for concurrent use.
type Client struct {
	host *url.URL
	// A transport and no http.Client, which would follow redirects, and whose errors have the address.
	transport *http.Transport
	breaker   *breaker.Breaker
	health    health
}

var _ breach.Range = (*Client)(nil)

// New makes a client and registers its metric. It connects to nobody. A proxy is taken from the environment, as by other programs.
func New(c Config) (*Client, error) {
	if c.Now == nil || c.Registerer == nil {
		return nil, errors.New("pwned: a clock and a metrics registerer are needed")
	}
	host, err := parseHost(c.Host)
	if err != nil {
		return nil, err
	}
	client := &Client{
		host:    host,
		breaker: breaker.New(breaker.Config{Failures: failuresToOpen, Pause: pause, Now: c.Now}),
		health:  health{now: c.Now},
		transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			ForceAttemptHTTP2:      true,
			MaxConnsPerHost:        maxConnections,
			MaxIdleConnsPerHost:    maxConnections,
			IdleConnTimeout:        time.Minute,
			TLSHandshakeTimeout:    timeout,
			MaxResponseHeaderBytes: maxHeader,
		},
	}
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "doorward_breach_range_breaker_open",
		Help: "1 while the range API of breached passwords isn't asked because it gave no good answer, else 0.",
	}, func() float64 {
		if client.breaker.Open() {
			return 1
		}
		return 0
	})
	if err := c.Registerer.Register(open); err != nil {
		return nil, fmt.Errorf("pwned: metrics: %w", err)
	}
	return client, nil
}

// ValidHost says whether Config takes a host.
func ValidHost(text string) bool {
	_, err := parseHost(text)
	return err == nil
}

// parseHost takes an address that prefixes may be sent to. Whoever sees them in the clear sees one in 1,048,576 of somebody's passwords.
func parseHost(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("pwned: the host must be an address such as %s, without a user, a query or a fragment", DefaultHost)
	}
	switch {
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return u, nil
	}
	return nil, fmt.Errorf("pwned: the host must be https: give an address such as %s", DefaultHost)
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Count says how often a password was seen in breaches.
func (c *Client) Count(ctx context.Context, h breach.Hash) (int, error) {
	probe, ok := c.breaker.Admit()
	if !ok {
		return 0, ErrDown
	}
	// Settled also when the call panics, or the one probe would never come back.
	fared := breaker.Silent
	defer func() {
		c.breaker.Settle(probe, fared)
		c.health.heard(fared, c.breaker.Open())
	}()
	asked, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	count, err := c.ask(asked, h)
	if err != nil {
		if ctx.Err() == nil {
			fared = breaker.Down
		}
		return 0, fmt.Errorf("ask the range API: %w", err)
	}
	fared = breaker.Answered
	return count, nil
}

func (c *Client) ask(ctx context.Context, h breach.Hash) (int, error) {
	digits := strings.ToUpper(hex.EncodeToString(h[:]))
	address := c.host.JoinPath("range", digits[:prefixDigits]).String()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return 0, errors.New("its address can't be asked") // err has the address
	}
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Add-Padding", "true")
	answer, err := c.transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("it answers %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	return find(answer.Body, digits[prefixDigits:])
}

// Close ends the connections that nobody uses. Call it after the last Count.
func (c *Client) Close() { c.transport.CloseIdleConnections() }
