package suite

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
)

// layout is where things lie below the suite's directory.
type layout struct{ dir string }

func (l layout) certs() string     { return filepath.Join(l.dir, "certs") }
func (l layout) nats() string      { return filepath.Join(l.dir, "nats") }
func (l layout) keys() string      { return filepath.Join(l.dir, "keys") }
func (l layout) mailKeys() string  { return filepath.Join(l.dir, "keys", "mail") }
func (l layout) mailKey() string   { return filepath.Join(l.mailKeys(), "1.key") }
func (l layout) data() string      { return filepath.Join(l.dir, "data") }
func (l layout) jetstream() string { return filepath.Join(l.dir, "jetstream") }

// AppEnv and OperatorEnv are the files that an application and an operator read.
func (l layout) appEnv() string      { return filepath.Join(l.dir, "dev.env") }
func (l layout) operatorEnv() string { return filepath.Join(l.dir, "operator.env") }

// Ports are the suite's, counted from a base; a base of 0 takes any that are free.
type Ports struct{ Base int }

// The services' places from the base on.
const (
	portAuthn = iota + 1
	portRisk
	portNotify
	portPortal
	portInboxSMTP
	portInboxWeb
	portNATS
	portLast = portNATS
)

// DefaultBase is where ports begin unless told otherwise.
const DefaultBase = 7400

// number is the port of a service, 0 for any.
func (p Ports) number(offset int) int {
	if p.Base == 0 {
		return 0
	}
	return p.Base + offset
}

// address is the service's, on loopback.
func (p Ports) address(offset int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.number(offset)))
}

// Validate refuses a base that leads out of the range of ports.
func (p Ports) Validate() error {
	const highest = 65535
	if p.Base < 0 || p.Base > highest-portLast {
		return fmt.Errorf("port base %d: must be from 0 to %d", p.Base, highest-portLast)
	}
	return nil
}
