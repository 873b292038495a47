package quota

import (
	"net/netip"
	"time"
)

// Scope is how many share a budget.
type Scope string

// The scopes, from the narrowest on.
const (
	// Network is what one host has for sure: an IPv4 address, or a /64 of IPv6.
	Network Scope = "network"
	// Site is what one customer may have: a /48 of IPv6 (RFC 6177). Of IPv4 it is a /24, the least that is routed by itself.
	Site Scope = "site"
	// Provider is a /32 of IPv6, the least that a provider is given. IPv4 has none: whoever has many addresses there pays for each.
	Provider Scope = "provider"
	// Deployment is everybody.
	Deployment Scope = "deployment"
)

// A wider network has one part of so many of the deployment's budget. So nobody uses that up who has but one site, or one provider's network.
const (
	siteParts     = 10
	providerParts = 4
)

// width is how many bits of an address a scope goes by.
type width struct {
	scope Scope
	bits  int
}

var (
	widths4 = []width{{Network, 32}, {Site, 24}}
	widths6 = []width{{Network, 64}, {Site, 48}, {Provider, 32}}
)

// Bound is what refuses a code where a scope's budget is used up; empty for none of the scopes.
func (s Scope) Bound() Bound {
	switch s {
	case Network:
		return NetworkDay
	case Site:
		return SiteHour
	case Provider:
		return ProviderHour
	case Deployment:
		return DeploymentHour
	}
	return ""
}

// Of is a scope's limit. None of the scopes takes nothing.
func (r Rules) Of(s Scope) Limit {
	shared := Limit{Window: time.Hour, Slot: sharedSlot}
	switch s {
	case Network:
		return Limit{Uses: r.PerNetworkDay, Window: day, Slot: networkSlot}
	case Site:
		shared.Uses = r.PerDeploymentHour / siteParts
	case Provider:
		shared.Uses = r.PerDeploymentHour / providerParts
	case Deployment:
		shared.Uses = r.PerDeploymentHour
	}
	return shared
}

// Place is whose a shared budget is.
type Place struct {
	Scope Scope
	// Name is the network; empty for the deployment.
	Name string
}

// Places are all that an address lies in, narrowest first. Those who say no address that can be read are in one network.
func Places(ip string) []Place {
	address, err := netip.ParseAddr(ip)
	if err != nil {
		return []Place{{Scope: Network}, {Scope: Deployment}}
	}
	address = address.Unmap().WithZone("")
	widths := widths6
	if address.Is4() {
		widths = widths4
	}
	var places []Place
	for _, w := range widths {
		places = append(places, Place{w.scope, within(address, w.bits)})
	}
	return append(places, Place{Scope: Deployment})
}

// within is the network of so many bits that an address lies in; all of them are the address itself.
func within(address netip.Addr, bits int) string {
	if bits == address.BitLen() {
		return address.String()
	}
	return netip.PrefixFrom(address, bits).Masked().String()
}
