// Package useragent turns a User-Agent header into a few words an account's
// owner recognises: "Firefox on Linux, a desktop".
//
// It owns the vocabulary: every word it returns is a constant of this package
// or a short number. The header is written by whoever signs in, and these words
// end up in the alert the owner reads, so nothing is passed on as it came; a
// stranger can lie about the browser but can't write the mail.
//
// It judges nothing. A header is a hint for a person, never evidence: risk and
// device trust don't rest on it. Callers are authn (a device's display name),
// notify (the alert) and portal (the contain page).
package useragent
