package quota_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/services/authn/internal/quota"
)

func TestPlaces(t *testing.T) {
	everybody := quota.Place{Scope: quota.Deployment}
	four := func(network, site string) []quota.Place {
		return []quota.Place{{Scope: quota.Network, Name: network}, {Scope: quota.Site, Name: site}, everybody}
	}
	six := func(network, site, provider string) []quota.Place {
		return []quota.Place{
			{Scope: quota.Network, Name: network}, {Scope: quota.Site, Name: site}, {Scope: quota.Provider, Name: provider}, everybody,
		}
	}
	nowhere := []quota.Place{{Scope: quota.Network}, everybody}
	for ip, want := range map[string][]quota.Place{
		"192.0.2.7":        four("192.0.2.7", "192.0.2.0/24"),
		"192.0.2.255":      four("192.0.2.255", "192.0.2.0/24"),
		"192.0.3.7":        four("192.0.3.7", "192.0.3.0/24"),
		"::ffff:192.0.2.7": four("192.0.2.7", "192.0.2.0/24"), // the same host by another road

		"2001:db8:1:2::10":        six("2001:db8:1:2::/64", "2001:db8:1::/48", "2001:db8::/32"),
		"2001:db8:1:2:ffff::1":    six("2001:db8:1:2::/64", "2001:db8:1::/48", "2001:db8::/32"),
		"2001:db8:1:3::10":        six("2001:db8:1:3::/64", "2001:db8:1::/48", "2001:db8::/32"),
		"2001:db8:ffff:2::10":     six("2001:db8:ffff:2::/64", "2001:db8:ffff::/48", "2001:db8::/32"),
		"2001:db9:1:2::10":        six("2001:db9:1:2::/64", "2001:db9:1::/48", "2001:db9::/32"),
		"2001:DB8:1:2:0:0:0:10":   six("2001:db8:1:2::/64", "2001:db8:1::/48", "2001:db8::/32"),
		"fe80::1%eth0":            six("fe80::/64", "fe80::/48", "fe80::/32"),
		"::1":                     six("::/64", "::/48", "::/32"),
		"64:ff9b::192.0.2.7":      six("64:ff9b::/64", "64:ff9b::/48", "64:ff9b::/32"),
		"ffff:ffff:ffff:ffff::1":  six("ffff:ffff:ffff:ffff::/64", "ffff:ffff:ffff::/48", "ffff:ffff::/32"),
		"":                        nowhere,
		"somewhere":               nowhere,
		"192.0.2.7/24":            nowhere,
		"192.0.2.7:443":           nowhere,
		"2001:db8:1:2:3:4:5:6:77": nowhere,
	} {
		if diff := cmp.Diff(want, quota.Places(ip)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", ip, diff)
		}
	}
}

// The wider a network is, the more it may have, and all of it together no more than the deployment.
func TestWiderNetworksHaveLargerShares(t *testing.T) {
	for _, total := range []int{100, 5000, 1_000_000} {
		rules := quota.Rules{PerNetworkDay: 10, PerDeploymentHour: total}
		site, provider, all := rules.Of(quota.Site), rules.Of(quota.Provider), rules.Of(quota.Deployment)
		if site.Uses != total/10 || provider.Uses != total/4 || all.Uses != total {
			t.Errorf("of %d a site has %d, a provider %d and all %d", total, site.Uses, provider.Uses, all.Uses)
		}
	}
	if got := (quota.Rules{PerDeploymentHour: 100}).Of("nowhere"); got.Uses != 0 {
		t.Errorf("what is no scope has %d", got.Uses)
	}
}

func TestEachScopeHasItsBound(t *testing.T) {
	for scope, want := range map[quota.Scope]quota.Bound{
		quota.Network: quota.NetworkDay, quota.Site: quota.SiteHour, quota.Provider: quota.ProviderHour, quota.Deployment: quota.DeploymentHour, "nowhere": "",
	} {
		if got := scope.Bound(); got != want {
			t.Errorf("%s is bounded by %q, want %q", scope, got, want)
		}
	}
}
