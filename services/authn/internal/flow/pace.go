package flow

import (
	"context"
	"net/netip"
	"time"

	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/pace"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// paceWindow is the time that the policy's rates are for.
const paceWindow = 10 * time.Second

// claimant is by whom a call is counted: by the device where it is known for the account, and else by the identifier. So strangers who know an address
// use up their own rate, and none of its owner's.
type claimant struct {
	canonical string
	deviceID  string // of a known device; else empty
}

func (c claimant) charge(perIdentifier, perDevice int) pace.Charge {
	if c.deviceID != "" {
		return pace.Charge{Kind: "device", Key: c.deviceID, Rate: pace.Rate{Uses: perDevice, Per: paceWindow}}
	}
	return pace.Charge{Kind: "identifier", Key: c.canonical, Rate: pace.Rate{Uses: perIdentifier, Per: paceWindow}}
}

// paced refuses calls that come too fast, by identifier or device and by network. It is asked before anything is stored or hashed, and answers the same
// for identifiers that belong to nobody. A network's known devices have a rate apart from all others there: strangers behind an owner's address use up
// none of it.
func (f *Attempts) paced(what string, ip string, by pace.Charge, perNetwork int) error {
	by.Kind += what
	network := pace.Charge{Kind: "network of " + by.Kind, Key: networkOf(ip), Rate: pace.Rate{Uses: perNetwork, Per: paceWindow}}
	if wait, ok := f.Pace.Take(by, network); !ok {
		return errTooFast.RetryIn(wait)
	}
	return nil
}

// networkOf is what one host has for sure. Who says no address that can be read shares one rate with all who don't.
func networkOf(ip string) string {
	address, err := netip.ParseAddr(ip)
	if err != nil {
		return ""
	}
	return access.Network(address)
}

// claimantAtStart looks whether the device that begins is known for the account. Where it shows no secret, nothing is looked up.
func (f *Attempts) claimantAtStart(ctx context.Context, client Client, canonical string, now time.Time) (claimant, error) {
	c := claimant{canonical: canonical}
	if client.DeviceSecret.IsZero() {
		return c, nil
	}
	digest := client.deviceDigest()
	err := f.Store.View(ctx, func(tx store.Tx) error {
		d, found, err := tx.Devices.BySecret(digest)
		if err != nil || !found {
			return err
		}
		owner, _, err := tx.Users.OwnerOf(canonical)
		if err == nil && d.UserID == owner && d.Recognise(digest, now) == device.Known {
			c.deviceID = d.ID
		}
		return err
	})
	return c, err
}

// paceStart refuses sign-ups and sign-ins that are begun too fast.
func (f *Attempts) paceStart(ctx context.Context, purpose attempt.Purpose, client Client, canonical string, now time.Time) error {
	c, err := f.claimantAtStart(ctx, client, canonical, now)
	if err != nil {
		return err
	}
	rules := f.Policy(ctx)
	return f.paced("/start/"+string(purpose), client.IP, c.charge(rules.RateIdentifierStarts, rules.RateDeviceStarts), rules.RateNetworkStarts)
}

// paceAnswer refuses answers that come too fast.
func (f *Attempts) paceAnswer(t try) error { return f.paceStep("/answer/", t) }

// pacePrepare refuses requests for codes that come as fast as no answers may: each has a mail sealed, also where none will be sent.
func (f *Attempts) pacePrepare(t try) error { return f.paceStep("/prepare/", t) }

func (f *Attempts) paceStep(what string, t try) error {
	c := claimant{canonical: t.Attempt.Canonical}
	if t.known {
		c.deviceID = t.Attempt.DeviceID
	}
	return f.paced(what+string(t.Attempt.Purpose), t.ticket.Client.IP, c.charge(t.rules.RateIdentifierAnswers, t.rules.RateDeviceAnswers), t.rules.RateNetworkAnswers)
}
