package notify

import (
	"strings"
	"time"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/config"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/services/notify/internal/mail"
)

// Config is what a notify service needs to start.
type Config struct {
	Listen   string `koanf:"listen" doc:"host:port of the gRPC server; port 0 takes a free one"`
	DataDir  string `koanf:"data_dir" doc:"directory of the store, notify.db"`
	Certs    string `koanf:"certs" doc:"directory with ca.pem, notify.pem and notify.key, as doorward certs makes it"`
	Authn    string `koanf:"authn" doc:"host:port of the authn service"`
	SealKeys string `koanf:"seal_keys" doc:"directory of the keys that mails are sealed to: every file that ends in .key"`
	// PortalURL is public: it stands in mails.
	PortalURL   string       `koanf:"portal_url" doc:"where browsers reach the portal, scheme and host alone; links in mails begin with it"`
	Product     string       `koanf:"product" doc:"whose accounts these are, as their owners know it; mails say so"`
	NATS        bus.Settings `koanf:"nats"`
	Limits      rpc.Limits   `koanf:"limits"`
	SMTP        SMTP         `koanf:"smtp"`
	Development bool         `koanf:"development" doc:"for development only: work with certificates and keys that are marked for it"`
	Reflection  bool         `koanf:"reflection" doc:"let anybody who can connect list the API; leave it off in production"`
}

// SMTP is the mail server that takes our mail.
type SMTP struct {
	Address      string        `koanf:"address" doc:"host:port of the SMTP server"`
	TLS          string        `koanf:"tls" doc:"starttls, implicit, or none (to this machine only)"`
	AllowPlain   bool          `koanf:"allow_plain" doc:"allow tls none to other machines: codes then travel readable"`
	CA           string        `koanf:"ca" doc:"PEM file of the CA of the server's certificate; the system's CAs without it"`
	Username     string        `koanf:"username" doc:"for the SMTP server; no login without it"`
	PasswordFile string        `koanf:"password_file" doc:"file with the password for the SMTP server"`
	From         string        `koanf:"from" doc:"the sender of every mail, such as Doorward <no-reply@example.com>"`
	Timeout      time.Duration `koanf:"timeout" doc:"how long handing one mail over may take, 1s to 10s"`
}

var _ config.Validator = Config{}

// The bounds of SMTP.Timeout. With what is around it a mail must fit into the time that a stop may take.
const (
	minSMTPTimeout = time.Second
	maxSMTPTimeout = 10 * time.Second
)

// DefaultConfig is for one machine, with the development inbox as its mail server.
func DefaultConfig() Config {
	return Config{
		Listen:    "127.0.0.1:7403",
		DataDir:   ".doorward/data",
		Certs:     ".doorward/certs",
		Authn:     "127.0.0.1:7401",
		SealKeys:  ".doorward/keys/mail",
		PortalURL: "http://127.0.0.1:7404",
		Product:   "Doorward",
		NATS:      bus.Settings{URL: "nats://127.0.0.1:7407", Seed: ".doorward/nats/notify.nk"},
		SMTP: SMTP{
			Address: "127.0.0.1:7405", TLS: string(mail.Plain), From: "Doorward <no-reply@localhost>", Timeout: 8 * time.Second,
		},
	}
}

// Validate reports all faults at once.
func (c Config) Validate() config.Faults {
	var faults config.Faults
	faults.Need(config.HostPort(c.Listen), "listen", "isn't host:port, such as 127.0.0.1:7403")
	faults.Need(c.DataDir != "", "data_dir", "is missing: name the directory that the store lives in")
	faults.Need(c.Certs != "", "certs", "is missing: name the directory that doorward certs made")
	faults.Need(config.HostPort(c.Authn), "authn", "isn't host:port, such as 127.0.0.1:7401")
	faults.Need(c.SealKeys != "", "seal_keys", "is missing: name the directory of the keys that mails are sealed to")
	_, ok := config.Origin(c.PortalURL)
	faults.Need(ok, "portal_url",
		"isn't a web address of scheme and host alone, such as https://id.example.com; http is for this machine only")
	faults.Need(strings.TrimSpace(c.Product) != "", "product", "is missing: say whose accounts these are")
	faults = append(faults, c.NATS.Check().Within("nats")...)
	faults = append(faults, c.Limits.Check().Within("limits")...)
	faults.Need(c.SMTP.Timeout >= minSMTPTimeout && c.SMTP.Timeout <= maxSMTPTimeout, "smtp.timeout", "must be from 1s to 10s")
	return append(faults, c.SMTP.mail().Check().Within("smtp")...)
}

// mail is the section as the mail package has it; the CA is read when the service starts.
func (s SMTP) mail() mail.Config {
	return mail.Config{
		Address: s.Address, TLS: mail.TLSMode(s.TLS), AllowPlain: s.AllowPlain, Username: s.Username, PasswordFile: s.PasswordFile,
		From: s.From, Timeout: s.Timeout,
	}
}
