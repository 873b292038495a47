package restriction_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/services/authn/internal/restriction"
)

func TestAnAllowlistThatLetsNobodyInWarns(t *testing.T) {
	required := restriction.Default()
	required.Allowlist = restriction.AllowlistRequired
	for name, c := range map[string]struct {
		rules   restriction.Rules
		entries []string
		want    []restriction.WarningKind
	}{
		"empty":                  {required, nil, []restriction.WarningKind{restriction.EmptyAllowlist}},
		"nothing but ranges":     {required, []string{"allow 192.0.2.0/24"}, []restriction.WarningKind{restriction.EmptyAllowlist}},
		"an address":             {required, []string{"allow user@example.com"}, nil},
		"a domain":               {required, []string{"allow example.com"}, nil},
		"domains below one":      {required, []string{"allow *.example.com"}, nil},
		"empty and not required": {restriction.Default(), nil, nil},
		"a use that isn't known": {restriction.Rules{Blocklist: true}, nil, []restriction.WarningKind{restriction.EmptyAllowlist}},
		"lists that aren't looked at": {restriction.Rules{Allowlist: restriction.AllowlistOff, Disposable: restriction.AllowThem},
			[]string{"allow example.com", "block example.org", "disposable a.example", "not_disposable b.example"},
			[]restriction.WarningKind{restriction.UnusedList, restriction.UnusedList, restriction.UnusedList, restriction.UnusedList}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []restriction.WarningKind
			for _, w := range index(t, c.entries...).Warnings(c.rules) {
				got = append(got, w.Kind)
				if w.Text == "" {
					t.Error("a warning says nothing")
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnEntryInAnothersShadowWarns(t *testing.T) {
	x := index(t, "block *.bad.example", "block bad.example", "block 10.0.0.0/8", "allow partner.example", "allow *.partner.example", "allow 192.0.2.0/24",
		"block bad@example.com", "disposable throw.example", "not_disposable keep.throw.example")
	for written, want := range map[string][]string{
		"block u@bad.example":                 {"u@bad.example says nothing new: bad.example is in the list block"},
		"block u@a.b.bad.example":             {"u@a.b.bad.example says nothing new: *.bad.example is in the list block"},
		"block a.bad.example":                 {"a.bad.example says nothing new: *.bad.example is in the list block"},
		"block *.a.bad.example":               {"*.a.bad.example says nothing new: *.bad.example is in the list block"},
		"block bad.example":                   nil,
		"block *.bad.example":                 nil,
		"block *.example":                     nil,
		"block Bad@Example.com":               nil,
		"block bad+1@example.com":             {"bad+1@example.com says nothing new: bad@example.com is in the list block"},
		"block u@partner.example":             {"u@partner.example blocks nobody: partner.example is in the list allow, which comes first"},
		"block partner.example":               {"partner.example blocks nobody: partner.example is in the list allow, which comes first"},
		"block a.partner.example":             {"a.partner.example blocks nobody: *.partner.example is in the list allow, which comes first"},
		"allow good@bad.example":              nil,
		"allow u@partner.example":             {"u@partner.example says nothing new: partner.example is in the list allow"},
		"block 10.1.2.0/24":                   {"10.1.2.0/24 says nothing new: 10.0.0.0/8 is in the list block"},
		"block 10.0.0.0/8":                    nil,
		"block 10.0.0.0/7":                    nil,
		"block 192.0.2.7":                     {"192.0.2.7 blocks nobody: 192.0.2.0/24 is in the list allow, which comes first"},
		"allow 10.1.2.3":                      nil,
		"disposable a.throw.example":          {"a.throw.example says nothing new: throw.example is in the list disposable"},
		"disposable throw.example":            nil,
		"disposable a.keep.throw.example":     nil,
		"not_disposable x.keep.throw.example": {"x.keep.throw.example says nothing new: keep.throw.example is in the list not_disposable"},
		"not_disposable a.throw.example":      nil,
	} {
		var got []string
		for _, w := range x.Shadows(parse(t, written)[0], restriction.Default()) {
			got = append(got, w.Text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", written, diff)
		}
	}
	off := restriction.Default()
	off.Allowlist = restriction.AllowlistOff
	if got := x.Shadows(parse(t, "block u@partner.example")[0], off); got != nil {
		t.Errorf("an allowlist that is off shadows: %+v", got)
	}
}
