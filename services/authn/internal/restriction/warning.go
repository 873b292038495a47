package restriction

import (
	"fmt"
	"net/netip"
)

// Warning is something that an operator is told when they set it, because it may not be what they mean.
type Warning struct {
	Kind WarningKind
	// Entry is what was set, and By the entry that leaves it without effect; zero where the warning is about none.
	Entry, By Entry
	// Text says it in a sentence.
	Text string
}

// WarningKind is what a warning is about.
type WarningKind string

// The kinds of warnings.
const (
	// EmptyAllowlist: only what is in Allow may come, and there is no address and no domain in it.
	EmptyAllowlist WarningKind = "empty_allowlist"
	// UnusedList: a list has entries, and the rules don't look at it.
	UnusedList WarningKind = "unused_list"
	// ShadowedEntry: another entry says the same of everybody whom this one names, or one in Allow the opposite.
	ShadowedEntry WarningKind = "shadowed_entry"
)

// Warnings are what there is to say of rules over the entries that there are.
func (x *Index) Warnings(r Rules) []Warning {
	var all []Warning
	if r.requiresAllowlist() && x.Total(Allow) == x.Count(Allow, Range) {
		all = append(all, Warning{Kind: EmptyAllowlist,
			Text: "nobody can sign up: only what the list allow names may come, and it names no email and no domain"})
	}
	for _, list := range Lists() {
		if n := x.Total(list); n > 0 && !r.uses(list) {
			all = append(all, Warning{Kind: UnusedList,
				Text: fmt.Sprintf("the list %s has entries (%d), and the rules don't look at it", list, n)})
		}
	}
	return all
}

// uses says whether a list counts.
func (r Rules) uses(list List) bool {
	switch list {
	case Allow:
		return r.usesAllowlist()
	case Block:
		return r.Blocklist
	case Disposable, NotDisposable:
		return r.Disposable != AllowThem
	default:
		return false
	}
}

// Shadows are the entries that leave one without effect: in its own list one that names all it names, and for one in Block such a one in Allow.
// It looks only at entries that are wider than it, not at many that are wider together.
func (x *Index) Shadows(e Entry, r Rules) []Warning {
	var all []Warning
	for _, by := range x.wider(e, r) {
		if by.Kind == e.Kind && by.Name == e.Name && (by.List == e.List || e.List.aboutDisposable()) {
			continue
		}
		switch {
		case by.List == e.List:
			all = append(all, Warning{Kind: ShadowedEntry, Entry: e, By: by,
				Text: fmt.Sprintf("%s says nothing new: %s is in the list %s", e.AsWritten(), by.AsWritten(), by.List)})
		case e.List == Block && by.List == Allow && r.usesAllowlist():
			all = append(all, Warning{Kind: ShadowedEntry, Entry: e, By: by,
				Text: fmt.Sprintf("%s blocks nobody: %s is in the list allow, which comes first", e.AsWritten(), by.AsWritten())})
		}
		if e.List.aboutDisposable() && by.List.aboutDisposable() {
			break // the nearest decides, and those beyond it say nothing
		}
	}
	return all
}

// wider are the entries that name all that an entry names, the entry itself among them.
func (x *Index) wider(e Entry, r Rules) []Entry {
	switch e.Kind {
	case Email:
		address, ok := r.Address(e.Name)
		if !ok {
			return nil
		}
		return x.FindAddress(nil, address)
	case Domain:
		var found []Entry
		if rec := x.get(e.Name); rec != "" {
			found = rec.append(found, allowed|blocked|disposable|notDisposable)
		}
		return x.findAbove(found, e.Name, throughDomains)
	case Subdomains:
		var found []Entry
		if rec := x.get(e.Name); rec != "" {
			found = rec.append(found, allowedBelow|blockedBelow)
		}
		return x.findAbove(found, e.Name, allowedBelow|blockedBelow)
	case Range:
		return x.widerRanges(e.Name)
	default:
		return nil
	}
}

func (x *Index) widerRanges(name string) []Entry {
	prefix, err := netip.ParsePrefix(name)
	if err != nil {
		return nil
	}
	var wider []Entry
	for _, by := range x.FindIP(nil, prefix.Addr()) {
		if p, err := netip.ParsePrefix(by.Name); err == nil && p.Bits() <= prefix.Bits() {
			wider = append(wider, by)
		}
	}
	return wider
}
