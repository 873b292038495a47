package template

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// ErrInput refuses a mail that would lack what its reader needs.
var ErrInput = errors.New("template: incomplete input")

// Purpose says what a code is for.
type Purpose string

// The purposes of a code.
const (
	SignUp             Purpose = "sign_up"
	DeviceVerification Purpose = "device_verification"
	NewPassword        Purpose = "new_password"
)

// Method is one way in which a sign-in was proven, by its RFC 8176 name where it
// has one, as events carry it.
type Method string

// The methods. An alert with one that isn't here says "another way": an alert is
// never held back for its wording.
const (
	Password  Method = "pwd"
	EmailCode Method = "otp"
	Asserted  Method = "asserted" // the application vouched for the user
)

// Origin says where a request came from. Unknown parts are empty and shown as
// unknown; only the time is required.
type Origin struct {
	Device  string // "Desktop", "Phone", or a name
	Browser string // "Firefox 146"
	System  string // "Linux"
	Place   string // "Lisbon, Portugal"
	IP      string
	Time    time.Time
}

// Code is the mail that carries a six-digit code.
type Code struct {
	Product   string // whose account it is, as its users know it
	Recipient string
	Purpose   Purpose
	Code      string // six digits
	Expires   time.Time
	Origin    Origin // who asked for it
}

// NewDevice is the alert of a sign-in on a device that wasn't known.
type NewDevice struct {
	Product   string
	Recipient string
	Methods   []Method
	// Link is the page that asks "Was this you?". Empty for an address that may not answer: the mail then says what else to do.
	Link   string
	Origin Origin
}

// Contained confirms that a sign-in was ended, with all it had begun.
type Contained struct {
	Product   string
	Recipient string
	At        time.Time // when it was contained
	Sessions  int       // sessions ended
	Devices   int       // devices no longer trusted
	Addresses int       // email addresses removed
	Factors   int       // second factors removed
	Origin    Origin    // the sign-in that was contained
}

// Abandoned alerts of a right password that no sign-in came of. There is nothing to be ended, and so no link.
type Abandoned struct {
	Product   string
	Recipient string
	Origin    Origin // who gave it
}

// SignUpTaken tells an owner that somebody tried to sign up with their address. It carries no code and asks for nothing.
type SignUpTaken struct {
	Product   string
	Recipient string
	Origin    Origin // who tried
}

// Invitation invites somebody to sign up.
type Invitation struct {
	Product   string
	Recipient string
	Token     string    // what lets them, entered when they sign up
	Page      string    // where that is; empty when it isn't known
	Ends      time.Time // when the invitation does
}

func (c Code) validate() error {
	return errors.Join(
		required("product", c.Product),
		required("recipient", c.Recipient),
		sixDigits(c.Code),
		knownPurpose(c.Purpose),
		requiredTime("expiry", c.Expires),
		requiredTime("time", c.Origin.Time),
	)
}

func (n NewDevice) validate() error {
	return errors.Join(
		required("product", n.Product),
		required("recipient", n.Recipient),
		optionalLink(n.Link),
		requiredTime("time", n.Origin.Time),
	)
}

func (a Abandoned) validate() error {
	return errors.Join(
		required("product", a.Product),
		required("recipient", a.Recipient),
		requiredTime("time", a.Origin.Time),
	)
}

func (s SignUpTaken) validate() error {
	return errors.Join(
		required("product", s.Product),
		required("recipient", s.Recipient),
		requiredTime("time", s.Origin.Time),
	)
}

func (i Invitation) validate() error {
	return errors.Join(
		required("product", i.Product),
		required("recipient", i.Recipient),
		plainToken(i.Token),
		optionalLink(i.Page),
		requiredTime("end", i.Ends),
	)
}

func (c Contained) validate() error {
	return errors.Join(
		required("product", c.Product),
		required("recipient", c.Recipient),
		requiredTime("time of containment", c.At),
		requiredTime("time", c.Origin.Time),
	)
}

func required(name, value string) error {
	if oneLine(value) == "" {
		return fmt.Errorf("%w: no %s", ErrInput, name)
	}
	return nil
}

func requiredTime(name string, value time.Time) error {
	if value.IsZero() {
		return fmt.Errorf("%w: no %s", ErrInput, name)
	}
	return nil
}

func knownPurpose(purpose Purpose) error {
	switch purpose {
	case SignUp, DeviceVerification, NewPassword:
		return nil
	default:
		return fmt.Errorf("%w: unknown purpose %q", ErrInput, purpose)
	}
}

// sixDigits doesn't repeat what it refuses: it may be most of a code.
func sixDigits(code string) error {
	const length = 6
	digits := 0
	for _, c := range []byte(code) {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	if digits != length || len(code) != length {
		return fmt.Errorf("%w: the code isn't six digits", ErrInput)
	}
	return nil
}

// plainToken demands what can be copied from a line of its own, and doesn't repeat what it refuses.
func plainToken(token string) error {
	const longest = 128
	const characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	if token == "" || len(token) > longest || strings.Trim(token, characters) != "" {
		return fmt.Errorf("%w: the token isn't one", ErrInput)
	}
	return nil
}

func optionalLink(link string) error {
	if link == "" {
		return nil
	}
	return webLink(link)
}

// webLink demands https, or http to this machine. A link may hold a contain-token, so
// it isn't repeated in the error either.
func webLink(link string) error {
	parsed, err := url.Parse(link)
	whole := err == nil && parsed.Host != "" && !strings.ContainsAny(link, " <>\"")
	if whole && (parsed.Scheme == "https" || (parsed.Scheme == "http" && isLoopback(parsed.Hostname()))) {
		return nil
	}
	return fmt.Errorf("%w: the link isn't https; set the portal's public URL, or authn's invitation_url, to an https address", ErrInput)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
