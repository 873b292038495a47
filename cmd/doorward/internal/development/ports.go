package development

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/doorward/doorward/internal/app"
)

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

// elsewhere adds to a taken port how to move the whole suite.
func elsewhere(err error) error {
	var taken *app.PortTakenError
	if !errors.As(err, &taken) {
		return err
	}
	return fmt.Errorf("%w; try --port-base %d", err, otherBase(taken.Port))
}

// otherBase is the next round hundred, or the usual base when that would leave the range.
func otherBase(port int) int {
	const highest = 65400
	next := (port/100 + 1) * 100
	if next > highest {
		return DefaultBase
	}
	return next
}
