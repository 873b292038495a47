package alert

import (
	"strings"
	"time"
)

// DeviceKind is the sort of device that a User-Agent header claims; empty when it doesn't tell.
type DeviceKind string

// The sorts of device.
const (
	Desktop DeviceKind = "desktop"
	Phone   DeviceKind = "phone"
	Tablet  DeviceKind = "tablet"
	Bot     DeviceKind = "bot"
)

// SignIn is what an alert tells of. Whatever describes the device was chosen by whoever signed in.
type SignIn struct {
	UserID, SessionID, DeviceID string
	Browser, System             string
	DeviceKind                  DeviceKind
	CountryCode, Country        string
	IP                          string
	// AMR is how it was made, in RFC 8176's values.
	AMR []string
	At  time.Time
}

// Method is how the sign-in was made, in words: `password and a mailed code`. Empty when it isn't known.
func (s SignIn) Method() string {
	words := make([]string, 0, len(s.AMR))
	for _, value := range s.AMR {
		switch value {
		case "pwd":
			words = append(words, "password")
		case "otp":
			words = append(words, "a mailed code")
		default:
			words = append(words, "another way")
		}
	}
	return strings.Join(words, " and ")
}

// Containment is what an answered alert did.
type Containment struct {
	// SignInEventID is the alert that was answered.
	SignInEventID string
	At            time.Time
	// Sessions and Devices are how many were ended and untrusted.
	Sessions, Devices int
}

// Filter narrows a list of deliveries. Zero fields don't narrow.
type Filter struct {
	State State
	// Email is compared without regard to case.
	Email string
	// Before is the delivery that the page before ended with.
	Before string
	// Limit is the most to return.
	Limit int
}

// SameAddress is the form in which addresses are compared: two deliveries of one event to addresses that differ in case would be two mails
// to one person.
func SameAddress(email string) string { return strings.ToLower(email) }
