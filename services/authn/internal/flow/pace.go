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
	"github.com/doorward/doorward/services/authn/internal/token"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

const (
	// paceWindow is the time that the policy's rates are for.
	paceWindow = 10 * time.Second
	// attemptsPerSecond is how often an application may call each method of sign-ups and sign-ins for all its users together, and refreshesPerSecond how often
	// it may refresh sessions. They keep one that runs away from taking a replica for itself.
	attemptsPerSecond  = 2_000
	refreshesPerSecond = 5_000
	// refreshesOfOne is how often within paceWindow a session may be refreshed from one network: a twentieth of what its application may.
	refreshesOfOne = refreshesPerSecond * int(paceWindow/time.Second) / 20
)

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

// method is one of the API that applications call for their users, as it is counted.
type method string

const (
	methodStart   method = "/start/" // with the purpose: each has a method of its own
	methodPrepare method = "/prepare/"
	methodAnswer  method = "/answer/"
	methodRefresh method = "/refresh/"
)

// paced refuses calls that come too fast: by identifier or device, by network, and by application. It is asked before anything is stored or hashed, and
// answers the same for identifiers that belong to nobody. A network's known devices have a rate apart from all others there: strangers behind an owner's
// address use up none of it.
//
// All are charged or none, so that what one refuses costs no other: whoever floods an application that lets it is stopped by their own network's rate, and uses
// up nothing of the application's, which is everybody's. That is why the access table doesn't count these methods.
func (f *Attempts) paced(m method, t Ticket, purpose attempt.Purpose, by pace.Charge, perNetwork int) error {
	by.Kind += string(m) + string(purpose)
	if wait, ok := f.Pace.Take(by, networkCharge(by.Kind, t, perNetwork), applicationCharge(m, purpose, t)); !ok {
		return errTooFast.RetryIn(wait)
	}
	return nil
}

// inVain answers a call that leads nowhere: its address is none, there is no such attempt, or it is elsewhere. Such calls name no identifier to count by. A
// network has a rate of them apart from what leads on. why is the answer, or nil for one that isn't an error.
func (f *Attempts) inVain(m method, t Ticket, purpose attempt.Purpose, perNetwork int, why error) error {
	if why != nil && !refusal(why) {
		return why
	}
	network := networkCharge("vain"+string(m)+string(purpose), t, perNetwork)
	if wait, ok := f.Pace.Take(network, applicationCharge(m, purpose, t)); !ok {
		return errTooFast.RetryIn(wait)
	}
	return why
}

func networkCharge(of string, t Ticket, perNetwork int) pace.Charge {
	return pace.Charge{Kind: "network of " + of, Key: networkOf(t.Client.IP), Rate: pace.Rate{Uses: perNetwork, Per: paceWindow}}
}

// applicationCharge is one of the calls that an application may make of a method.
func applicationCharge(m method, purpose attempt.Purpose, t Ticket) pace.Charge {
	perSecond := attemptsPerSecond
	switch m {
	case methodRefresh:
		perSecond = refreshesPerSecond
	case methodPrepare, methodAnswer:
		purpose = "" // one method serves all
	case methodStart:
	}
	return pace.Charge{Kind: "application of " + string(m) + string(purpose), Key: t.ApplicationID, Rate: pace.Rate{Uses: perSecond, Per: time.Second}}
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
func (f *Attempts) paceStart(ctx context.Context, purpose attempt.Purpose, t Ticket, canonical string, rules tuning.Policy, now time.Time) error {
	c, err := f.claimantAtStart(ctx, t.Client, canonical, now)
	if err != nil {
		return err
	}
	return f.paced(methodStart, t, purpose, c.charge(rules.RateIdentifierStarts, rules.RateDeviceStarts), rules.RateNetworkStarts)
}

// paceStep refuses answers that come too fast, and requests for codes that come as fast as no answers may: each has a mail sealed, also where none will be
// sent.
func (f *Attempts) paceStep(m method, t try) error {
	c := claimant{canonical: t.Attempt.Canonical}
	if t.known {
		c.deviceID = t.Attempt.DeviceID
	}
	return f.paced(m, t.ticket, t.Attempt.Purpose, c.charge(t.rules.RateIdentifierAnswers, t.rules.RateDeviceAnswers), t.rules.RateNetworkAnswers)
}

// paceRefresh refuses refreshes that come too fast. A genuine token is counted by its session, and by the network that it comes from: whoever has a copy and no
// device secret uses up nothing of the owner's. Made-up tokens name no session, and lead nowhere.
func (f *Sessions) paceRefresh(t Ticket, presented token.Refresh, genuine bool, rules tuning.Policy) error {
	by := networkCharge("vain"+string(methodRefresh), t, rules.RateNetworkAnswers)
	if genuine {
		by = pace.Charge{
			Kind: "session" + string(methodRefresh), Key: presented.SessionID + " " + networkOf(t.Client.IP),
			Rate: pace.Rate{Uses: refreshesOfOne, Per: paceWindow},
		}
	}
	if wait, ok := f.Pace.Take(by, applicationCharge(methodRefresh, "", t)); !ok {
		return errTooFast.RetryIn(wait)
	}
	return nil
}
