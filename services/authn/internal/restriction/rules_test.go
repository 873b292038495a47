package restriction_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/services/authn/internal/restriction"
)

func TestTheDefaultsKeepTheRules(t *testing.T) {
	if err := restriction.Default().Validate(); err != nil {
		t.Error(err)
	}
}

func TestEveryFaultOfTheRulesIsReportedAtOnce(t *testing.T) {
	err := restriction.Rules{
		Separators: "+x",
		Providers: []restriction.Provider{
			{Domain: "no domain"}, {Domain: "Example.com"}, {Domain: "example.com"}, {Domain: "a.example", Separators: "++"},
		},
	}.Validate()
	if err == nil {
		t.Fatal("rules without values are taken")
	}
	for _, want := range []string{
		`access_mode is "": must be open or invitation_only`,
		`allowlist is "": must be off or exceptions or required`,
		`disposable is "": must be allow or refuse`,
		`subaddresses is "": must be allow or one_per_mailbox or refuse`,
		`separators is "+x": must be some of +=#-, each once`,
		`providers[0].domain is "no domain": must be a domain`,
		`providers[1].domain is "Example.com": must be written example.com`,
		`providers[2].domain is "example.com": must be named once`,
		`providers[3].separators is "++"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error doesn't say %s:\n%v", want, err)
		}
	}
}

func TestProvidersAreBounded(t *testing.T) {
	rules := restriction.Default()
	for i := range 101 {
		rules.Providers = append(rules.Providers, restriction.Provider{Domain: fmt.Sprintf("d%d.example", i)})
	}
	if err := rules.Validate(); err == nil || !strings.Contains(err.Error(), "at most 100") {
		t.Errorf("101 providers: %v", err)
	}
	rules.Providers = rules.Providers[:100]
	if err := rules.Validate(); err != nil {
		t.Errorf("100 providers: %v", err)
	}
}

func TestRulesAreStoredWhole(t *testing.T) {
	rules := restriction.Rules{
		AccessMode: restriction.InvitationOnly, Allowlist: restriction.AllowlistRequired, Blocklist: true,
		Disposable: restriction.RefuseThem, Subaddresses: restriction.RefuseThem, Separators: "+",
		Providers: []restriction.Provider{{Domain: "example.com", Separators: "-"}},
	}
	raw, err := json.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	var got restriction.Rules
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rules, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

func TestDisposableDomainsHaveNoMailboxToCount(t *testing.T) {
	rules := restriction.Default()
	rules.Disposable = restriction.OnePerMailbox
	if err := rules.Validate(); err == nil {
		t.Error("disposable may be one_per_mailbox")
	}
	rules.Disposable, rules.Subaddresses = restriction.RefuseThem, restriction.OnePerMailbox
	if err := rules.Validate(); err != nil {
		t.Error(err)
	}
}
