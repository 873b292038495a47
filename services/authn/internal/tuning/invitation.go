package tuning

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"unicode"
)

// MaxInvitationURL is the most that a page's address may have: it stands in a mail whose content has one length.
const MaxInvitationURL = 300

// webPage takes nothing, or the address of a page: https, or http on this machine. It takes no fragment and no query: those are for what differs
// from mail to mail, and a secret in an address ends up in histories, logs and mail scanners.
func webPage(field, value string) error {
	if value == "" || isWebPage(value) {
		return nil
	}
	return &Fault{Field: field, Value: fmt.Sprintf("%.100q", value),
		Rule: fmt.Sprintf("must be the https address of a page, without ? or #, of at most %d bytes", MaxInvitationURL)}
}

func isWebPage(value string) bool {
	if len(value) > MaxInvitationURL || strings.ContainsAny(value, "?# <>\"\\{}") || strings.ContainsFunc(value, unseen) {
		return false
	}
	page, err := url.Parse(value)
	if err != nil || page.Hostname() == "" || page.User != nil {
		return false
	}
	return page.Scheme == "https" || (page.Scheme == "http" && onThisMachine(page.Hostname()))
}

// unseen characters, and all beyond ASCII, would show another address than the one that is opened.
func unseen(r rune) bool { return r > unicode.MaxASCII || !unicode.IsGraphic(r) }

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
