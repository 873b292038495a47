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

// Validate reports all faults at once. It opens no file and no connection.
func (c Config) Validate() error {
	_, _, err := c.withDefaults().parse()
	return err
}

// parse checks everything and reports all faults at once.
func (c Config) parse() (server, *mail.Address, error) {
	target, errAddress := parseServer(c.Address)
	from, errFrom := parseAddress(c.From)
	if errFrom != nil {
		errFrom = fmt.Errorf(`%w: from must be one address, such as "Doorward <no-reply@example.com>"`, ErrConfig)
	}
	return target, from, errors.Join(errAddress, errFrom, c.checkTLS(target.host), c.checkLogin(), c.checkTimeout())
}

func parseServer(address string) (server, error) {
	host, portText, err := net.SplitHostPort(address)
	port, errPort := strconv.Atoi(portText)
	if err != nil || errPort != nil || host == "" || port < 1 || port > 65535 {
		return server{}, fmt.Errorf("%w: the server's address must be host:port, such as smtp.example.com:587", ErrConfig)
	}
	return server{host: host, port: port}, nil
}

func (c Config) checkTLS(host string) error {
	switch c.TLS {
	case StartTLS, ImplicitTLS:
		return nil
	case Plain:
		if c.AllowPlain || isLoopback(host) {
			return nil
		}
		return fmt.Errorf("%w: mail without TLS goes to loopback only; use starttls, or allow plain explicitly", ErrConfig)
	default:
		return fmt.Errorf("%w: TLS mode must be starttls, implicit or none", ErrConfig)
	}
}

// checkLogin keeps the password off a connection without TLS, loopback or not.
func (c Config) checkLogin() error {
	if (c.Username == "") != (c.PasswordFile == "") {
		return fmt.Errorf("%w: set username and password file together", ErrConfig)
	}
	if c.Username != "" && c.TLS == Plain {
		return fmt.Errorf("%w: a password needs TLS; use starttls or implicit", ErrConfig)
	}
	return nil
}

func (c Config) checkTimeout() error {
	if c.Timeout < 0 {
		return fmt.Errorf("%w: the timeout must be positive", ErrConfig)
	}
	return nil
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
