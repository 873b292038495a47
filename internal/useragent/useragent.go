package useragent

import (
	"strconv"

	lib "github.com/mileusna/useragent"
)

// MaxLength is how many bytes of a header are looked at. Real ones stay under
// 300; what follows is ignored, so that a header's cost is bounded.
const MaxLength = 512

// Kind is the sort of device a header speaks of.
type Kind string

// The kinds. Unknown is also the answer for scripts such as curl.
const (
	Unknown Kind = "unknown"
	Desktop Kind = "desktop"
	Phone   Kind = "phone"
	Tablet  Kind = "tablet"
	Bot     Kind = "bot"
)

// Description is what a header says, in this package's own words.
type Description struct {
	Browser        string // a name of the vocabulary, or "" if unknown
	BrowserVersion string // the major version in digits, or ""
	System         string // a name of the vocabulary, or ""
	Kind           Kind
}

// Parse describes a header. It never fails: what it doesn't recognise is left
// empty and the kind is Unknown.
func Parse(header string) Description {
	if len(header) > MaxLength {
		header = header[:MaxLength]
	}
	parsed := lib.Parse(header)

	description := Description{
		Browser: browsers[parsed.Name],
		System:  systems[parsed.OS],
		Kind:    kindOf(parsed),
	}
	if description.Browser != "" {
		description.BrowserVersion = majorVersion(parsed.VersionNo.Major)
	}
	return description
}

// kindOf asks for a bot first: crawlers claim to be phones and desktops too.
func kindOf(parsed lib.UserAgent) Kind {
	switch {
	case parsed.Bot:
		return Bot
	case parsed.Tablet:
		return Tablet
	case parsed.Mobile:
		return Phone
	case parsed.Desktop:
		return Desktop
	default:
		return Unknown
	}
}

// majorVersion drops numbers no browser has reached: digits are free text too,
// and a telephone number would fit.
func majorVersion(major int) string {
	const highest = 9999
	if major <= 0 || major > highest {
		return ""
	}
	return strconv.Itoa(major)
}

// Summary names the browser and system in one short phrase, "Firefox on Linux".
func (d Description) Summary() string {
	switch {
	case d.Browser != "" && d.System != "":
		return d.Browser + " on " + d.System
	case d.Browser != "":
		return d.Browser
	case d.System != "":
		return "an unknown browser on " + d.System
	case d.Kind == Bot:
		return "an automated client"
	default:
		return "an unknown browser"
	}
}
