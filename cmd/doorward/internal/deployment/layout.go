package deployment

import "path/filepath"

// Layout is where things lie below a deployment's directory.
type Layout struct {
	Dir string
	// Development says that it is a developer's own: its CA and its keys are marked, and its application's env file is dev.env.
	Development bool
}

// Certs is the directory of the certificates.
func (l Layout) Certs() string { return filepath.Join(l.Dir, "certs") }

// NATS is the directory of the nkeys.
func (l Layout) NATS() string { return filepath.Join(l.Dir, "nats") }

// Keys is the directory of authn.key.
func (l Layout) Keys() string { return filepath.Join(l.Dir, "keys") }

// MailKeys is the directory of the keys that mails are sealed to.
func (l Layout) MailKeys() string { return filepath.Join(l.Keys(), "mail") }

// MailKey is the first of them.
func (l Layout) MailKey() string { return filepath.Join(l.MailKeys(), "1.key") }

// Data is the directory of the stores.
func (l Layout) Data() string { return filepath.Join(l.Dir, "data") }

// JetStream is the directory of an embedded NATS server's streams.
func (l Layout) JetStream() string { return filepath.Join(l.Dir, "jetstream") }

// NATSConf is the configuration of a NATS server of its own.
func (l Layout) NATSConf() string { return filepath.Join(l.Dir, natsConfName) }

// AppEnv is the env file that an application reads.
func (l Layout) AppEnv() string { return filepath.Join(l.Dir, l.appEnvName()) }

// OperatorEnv is the env file that an operator reads.
func (l Layout) OperatorEnv() string { return filepath.Join(l.Dir, operatorEnvName) }

// The names of files that more than one folder has.
const (
	natsConfName    = "nats.conf"
	operatorEnvName = "operator.env"
)

func (l Layout) appEnvName() string {
	if l.Development {
		return "dev.env"
	}
	return "app.env"
}
