package mail

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/doorward/doorward/internal/config"
)

// ErrConfig refuses to start with a setting that couldn't work or isn't safe.
var ErrConfig = errors.New("mail: invalid configuration")

// TLSMode says how the connection to the SMTP server is protected.
type TLSMode string

// The modes. There is no opportunistic one: a mail with a code travels encrypted,
// or stays on this machine, or an operator has said in the config that it need not.
const (
	StartTLS    TLSMode = "starttls" // the default; a server that doesn't offer it is refused
	ImplicitTLS TLSMode = "implicit"
	Plain       TLSMode = "none" // to loopback only, unless AllowPlain
)

// maxPasswordFile bounds a file that was named by mistake.
const maxPasswordFile = 4 << 10

// Config says which server takes our mail.
type Config struct {
	Address      string         // host:port of the SMTP server
	TLS          TLSMode        // default starttls
	AllowPlain   bool           // allow "none" beyond loopback
	RootCAs      *x509.CertPool // default: the system's
	Username     string         // no authentication if empty
	PasswordFile string         // holds the password, with or without a final newline
	From         string         // "Doorward <no-reply@example.com>"
	Timeout      time.Duration  // for a whole Send; default 20 s
}

func (c Config) withDefaults() Config {
	if c.TLS == "" {
		c.TLS = StartTLS
	}
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second
	}
	return c
}

// server is Address in two parts.
type server struct {
	host string
	port int
}

// Check reports all faults at once. It opens no file and no connection.
func (c Config) Check() config.Faults {
	c = c.withDefaults()
	var faults config.Faults
	target, addressed := parseServer(c.Address)
	faults.Need(addressed, "address", "isn't host:port, such as smtp.example.com:587")
	_, err := parseAddress(c.From)
	faults.Need(err == nil, "from", `isn't one address, such as "Doorward <no-reply@example.com>"`)
	switch c.TLS {
	case StartTLS, ImplicitTLS:
	case Plain:
		faults.Need(!addressed || c.AllowPlain || isLoopback(target.host), "tls",
			"is none, and mail without TLS goes to this machine only: use starttls, or allow plain explicitly")
	default:
		faults.Need(false, "tls", "must be starttls, implicit or none")
	}
	faults.Need((c.Username == "") == (c.PasswordFile == ""), "username", "and password_file come together or not at all")
	// The password is kept off a connection without TLS, loopback or not.
	faults.Need(c.Username == "" || c.TLS != Plain, "username", "comes with a password, which needs TLS: use starttls or implicit")
	faults.Need(c.Timeout >= 0, "timeout", "must be positive")
	return faults
}

// parse returns the server and the sender, once everything is checked.
func (c Config) parse() (target server, from *mail.Address, err error) {
	if faults := c.Check(); len(faults) > 0 {
		return server{}, nil, fmt.Errorf("%w: %w", ErrConfig, faults)
	}
	target, _ = parseServer(c.Address)
	from, err = parseAddress(c.From)
	return target, from, err
}

func parseServer(address string) (server, bool) {
	host, portText, err := net.SplitHostPort(address)
	port, errPort := strconv.Atoi(portText)
	if err != nil || errPort != nil || host == "" || port < 1 || port > 65535 {
		return server{}, false
	}
	return server{host: host, port: port}, true
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// readPassword reads the file at each connection, so that a rotated password needs
// no restart.
func readPassword(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("mail: password file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("mail: password file %s can be read by others; run chmod 600 on it", path)
	}
	if info.Size() > maxPasswordFile {
		return "", fmt.Errorf("mail: password file %s is over %d bytes", path, maxPasswordFile)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("mail: password file: %w", err)
	}
	password := strings.TrimRight(string(content), "\r\n")
	if password == "" {
		return "", fmt.Errorf("mail: password file %s is empty", path)
	}
	return password, nil
}
