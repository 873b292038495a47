package tuning

import (
	"errors"
	"fmt"
	"strings"

	"github.com/doorward/doorward/services/authn/internal/restriction"
)

const maxProviders = 100

// Restrictions are the rules of package restriction.
func (p Policy) Restrictions() restriction.Rules {
	return restriction.Rules{
		AccessMode:   p.RestrictionAccessMode,
		Allowlist:    p.RestrictionAllowlist,
		Blocklist:    p.RestrictionBlocklist,
		Disposable:   p.RestrictionDisposable,
		Subaddresses: p.RestrictionSubaddresses,
		Separators:   p.RestrictionSeparators,
		Providers:    providers(p.RestrictionProviders),
	}
}

func providers(written []string) []restriction.Provider {
	var all []restriction.Provider
	for _, w := range written {
		domain, separators, _ := strings.Cut(w, ":")
		all = append(all, restriction.Provider{Domain: domain, Separators: separators})
	}
	return all
}

func (p Policy) restrictionFaults() error {
	separators := restriction.Default()
	separators.Separators = p.RestrictionSeparators
	return errors.Join(
		oneOf("restriction_access_mode", p.RestrictionAccessMode, restriction.Open, restriction.InvitationOnly),
		oneOf("restriction_allowlist", p.RestrictionAllowlist, restriction.AllowlistOff, restriction.AllowlistExceptions, restriction.AllowlistRequired),
		oneOf("restriction_disposable", p.RestrictionDisposable, restriction.AllowThem, restriction.RefuseThem),
		oneOf("restriction_subaddresses", p.RestrictionSubaddresses, restriction.AllowThem, restriction.OnePerMailbox, restriction.RefuseThem),
		kept("restriction_separators", p.RestrictionSeparators, separators),
		providerFaults(p.RestrictionProviders),
	)
}

func oneOf[T ~string](field string, value T, words ...T) error {
	var rule strings.Builder
	for i, w := range words {
		if value == w {
			return nil
		}
		switch i {
		case 0:
		case len(words) - 1:
			rule.WriteString(" or ")
		default:
			rule.WriteString(", ")
		}
		rule.WriteString(string(w))
	}
	return &Fault{Field: field, Value: fmt.Sprintf("%q", string(value)), Rule: "must be " + rule.String()}
}

// kept says what package restriction has against rules that differ from the defaults in one field.
func kept(field, value string, rules restriction.Rules) error {
	err := rules.Validate()
	if err == nil {
		return nil
	}
	text := err.Error()
	return &Fault{Field: field, Value: fmt.Sprintf("%q", value), Rule: text[strings.LastIndex(text, ": ")+len(": "):]}
}

func providerFaults(written []string) error {
	const field = "restriction_providers"
	if len(written) > maxProviders {
		return &Fault{Field: field, Value: fmt.Sprintf("a list of %d", len(written)), Rule: fmt.Sprintf("must have at most %d providers", maxProviders)}
	}
	var faults []error
	seen := map[string]bool{}
	for i, w := range written {
		name := fmt.Sprintf("%s[%d]", field, i)
		domain, _, ok := strings.Cut(w, ":")
		rules := restriction.Default()
		rules.Providers = providers([]string{w})
		switch {
		case !ok:
			faults = append(faults, &Fault{Field: name, Value: fmt.Sprintf("%q", w), Rule: "must be a domain and its separators, such as example.com:+-"})
		case seen[domain]:
			faults = append(faults, &Fault{Field: name, Value: fmt.Sprintf("%q", w), Rule: "must name its domain once"})
		default:
			faults = append(faults, kept(name, w, rules))
		}
		seen[domain] = true
	}
	return errors.Join(faults...)
}
