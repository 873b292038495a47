package restriction

import (
	"errors"
	"fmt"
	"strings"

	"github.com/doorward/doorward/services/authn/internal/account"
)

// separators are the characters that a mail server may be said to separate tags with.
const separators = "+=#-"

// maxProviders bounds what an operator may say of single domains.
const maxProviders = 100

// AccessMode is who may sign up at all.
type AccessMode string

// The access modes.
const (
	// Open lets everybody sign up whom no other rule refuses.
	Open AccessMode = "open"
	// InvitationOnly lets those sign up who hold an invitation to their address.
	InvitationOnly AccessMode = "invitation_only"
)

// AllowlistUse is what the list Allow is used for.
type AllowlistUse string

// The uses.
const (
	// AllowlistOff ignores it.
	AllowlistOff AllowlistUse = "off"
	// AllowlistExceptions lets those in it come whatever Block and Disposable say.
	AllowlistExceptions AllowlistUse = "exceptions"
	// AllowlistRequired does that, and refuses every address that isn't in it. An IP range in it is an exception from blocked ranges, and lets no address in.
	AllowlistRequired AllowlistUse = "required"
)

// Choice is whether a sort of address may come.
type Choice string

// The choices.
const (
	AllowThem  Choice = "allow"
	RefuseThem Choice = "refuse"
	// OnePerMailbox is for subaddresses alone: tags may come, but each mailbox once.
	OnePerMailbox Choice = "one_per_mailbox"
)

// Rules are the values of the restrictions that an operator tunes. A value that isn't known refuses.
type Rules struct {
	// AccessMode is open or invitation_only.
	AccessMode AccessMode `json:"access_mode"`
	// Allowlist is off, exceptions or required.
	Allowlist AllowlistUse `json:"allowlist"`
	// Blocklist says whether the list Block refuses.
	Blocklist bool `json:"blocklist"`
	// Disposable is allow or refuse: addresses at disposable domains.
	Disposable Choice `json:"disposable"`
	// Subaddresses is allow, one_per_mailbox or refuse. one_per_mailbox refuses an address whose mailbox another account holds; refuse
	// does that too, and every address with a tag.
	Subaddresses Choice `json:"subaddresses"`
	// Separators are those that begin a tag where nothing else is known, some of +=#-.
	Separators string `json:"separators"`
	// Providers say what separates tags at single domains, in the place of Separators. 0 to 100.
	Providers []Provider `json:"providers,omitempty"`
}

// Default are the rules of a new deployment.
//
// Tags are allowed: careful people use them, and they only make one mailbox many. + is the common separator; = and # are in use too
// (MMDF; RFC 5233's own examples) and in hardly anybody's name. A hyphen is in many, so it separates only where it is known to.
func Default() Rules {
	return Rules{
		AccessMode:   Open,
		Allowlist:    AllowlistExceptions,
		Blocklist:    true,
		Disposable:   RefuseThem,
		Subaddresses: AllowThem,
		Separators:   "+=#",
	}
}

// Validate reports every value that isn't one, all at once.
func (r Rules) Validate() error {
	return errors.Join(
		oneOf("access_mode", r.AccessMode, Open, InvitationOnly),
		oneOf("allowlist", r.Allowlist, AllowlistOff, AllowlistExceptions, AllowlistRequired),
		oneOf("disposable", r.Disposable, AllowThem, RefuseThem),
		oneOf("subaddresses", r.Subaddresses, AllowThem, OnePerMailbox, RefuseThem),
		separate("separators", r.Separators),
		validateProviders(r.Providers),
	)
}

func oneOf[T ~string](name string, value T, known ...T) error {
	var names []string
	for _, k := range known {
		if value == k {
			return nil
		}
		names = append(names, string(k))
	}
	return fmt.Errorf("%s is %q: must be %s", name, clip(string(value)), strings.Join(names, " or "))
}

func separate(name, value string) error {
	for i, c := range value {
		if !strings.ContainsRune(separators, c) || strings.ContainsRune(value[:i], c) {
			return fmt.Errorf("%s is %q: must be some of %s, each once", name, clip(value), separators)
		}
	}
	return nil
}

func validateProviders(all []Provider) error {
	if len(all) > maxProviders {
		return fmt.Errorf("providers has %d: must be at most %d", len(all), maxProviders)
	}
	var faults []error
	seen := map[string]bool{}
	for i, p := range all {
		name := fmt.Sprintf("providers[%d]", i)
		canonical, ok := account.CanonicalDomain(p.Domain)
		switch {
		case !ok:
			faults = append(faults, fmt.Errorf("%s.domain is %q: must be a domain, such as example.com", name, clip(p.Domain)))
		case canonical != p.Domain:
			faults = append(faults, fmt.Errorf("%s.domain is %q: must be written %s", name, clip(p.Domain), canonical))
		case seen[canonical]:
			faults = append(faults, fmt.Errorf("%s.domain is %q: must be named once", name, canonical))
		}
		seen[canonical] = true
		faults = append(faults, separate(name+".separators", p.Separators))
	}
	return errors.Join(faults...)
}
