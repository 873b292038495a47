// Package device is the trust between one user and one device: how it begins, how it is recognised, how it ends.
//
// Trust belongs to the pair and comes only from a completed sign-in (sign-up included). A device is recognised by its secret, which
// rotates at each sign-in; what its User-Agent header claims is kept for people to read and decides nothing.
//
//	             completed sign-in          expiry
//	(nothing) ------------------> known ------------> expired --+
//	                               ^  |                         |
//	                               |  | operator, containment,  | completed sign-in
//	                               |  v or an old secret reused | (with a second check)
//	                               | untrusted -----------------+
//	                               |                            |
//	                               +----------------------------+
//
// It is pure, and called by the flows and by containment's plan.
package device

import (
	"slices"
	"time"

	"github.com/doorward/doorward/internal/secret"
)

// maxSpent bounds how many spent secrets are remembered to recognise a copy by.
const maxSpent = 16

// Device is one (user, device) pair.
type Device struct {
	// ID is `dev_…`.
	ID string
	// UserID is whose trust it is.
	UserID string
	// Secret is the digest of the current secret.
	Secret secret.Digest
	// Previous is the digest of the one before, good until PreviousUntil: an answer may have been lost on the way.
	Previous      secret.Digest
	PreviousUntil time.Time
	// Spent are older ones, newest last. Whoever presents one holds a copy.
	Spent []secret.Digest
	// FirstTrustedAt is when trust first began and never ended since: containment spares a device that was trusted before.
	FirstTrustedAt time.Time
	// TrustedUntil is when trust expires.
	TrustedUntil time.Time
	// UntrustedAt is when trust was taken away; zero while it wasn't.
	UntrustedAt time.Time
	// About is what its header claims.
	About Description
}

// Description is what people recognise a device by.
type Description struct {
	// Browser is the name and major version, System the operating system; both may be empty.
	Browser, System string
	// Kind is one of internal/useragent's kinds.
	Kind string
}

// Recognition is what a presented secret turned out to be.
type Recognition int

// What a secret can be.
const (
	// Stranger: not this device's secret.
	Stranger Recognition = iota
	// Known: this device's secret, and the device is trusted and unexpired.
	Known
	// Lapsed: this device's secret, but the trust has expired or was taken away.
	Lapsed
	// Copied: a secret that this device replaced long ago. Two parties hold it.
	Copied
)

// Recognise compares a presented secret's digest. Every comparison takes the same time whether it matches or not.
func (d *Device) Recognise(presented secret.Digest, now time.Time) Recognition {
	if presented.IsZero() {
		return Stranger
	}
	current := d.Secret.Equal(presented)
	previous := d.Previous.Equal(presented) && !d.Previous.IsZero()
	switch {
	case current, previous && now.Before(d.PreviousUntil):
		if d.Trusted(now) {
			return Known
		}
		return Lapsed
	case previous, slices.ContainsFunc(d.Spent, presented.Equal):
		return Copied
	}
	return Stranger
}

// Trusted says whether the device is trusted and unexpired.
func (d *Device) Trusted(now time.Time) bool {
	return d.UntrustedAt.IsZero() && !d.FirstTrustedAt.IsZero() && now.Before(d.TrustedUntil)
}

// TrustedBefore says whether the device was trusted already before a moment, and has been since.
func (d *Device) TrustedBefore(moment, now time.Time) bool {
	return d.Trusted(now) && d.FirstTrustedAt.Before(moment)
}

// Trust begins or renews trust at a completed sign-in, with a new secret. The secret before stays good for grace, but only where trust is
// renewed: after it was lost, whoever holds a copy of the old secret mustn't be known again.
func (d *Device) Trust(next secret.Digest, now time.Time, lifetime, grace time.Duration) {
	if !d.Trusted(now) {
		d.FirstTrustedAt = now
		grace = 0
	}
	d.UntrustedAt = time.Time{}
	d.TrustedUntil = now.Add(lifetime)
	d.rotate(next, now.Add(grace))
}

func (d *Device) rotate(next secret.Digest, previousUntil time.Time) {
	if !d.Previous.IsZero() {
		d.Spent = append(d.Spent, d.Previous)
		d.Spent = d.Spent[max(0, len(d.Spent)-maxSpent):]
	}
	d.Previous, d.PreviousUntil = d.Secret, previousUntil
	d.Secret = next
}

// Untrust takes trust away. It stays away until a sign-in with a second check completes on the device. One whose trust was taken away before
// keeps the first time; false says so.
func (d *Device) Untrust(now time.Time) bool {
	if !d.UntrustedAt.IsZero() {
		return false
	}
	d.UntrustedAt = now
	return true
}
