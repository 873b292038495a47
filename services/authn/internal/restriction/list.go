package restriction

import "fmt"

// List is what being named in it means.
type List uint8

// The lists.
const (
	// Allow names who may come, whatever Block and Disposable say of them.
	Allow List = iota + 1
	// Block names who may not.
	Block
	// Disposable adds domains to the list of disposable ones that ships.
	Disposable
	// NotDisposable takes domains out of it.
	NotDisposable
)

// Lists are all of them.
func Lists() []List { return []List{Allow, Block, Disposable, NotDisposable} }

// String is the list's name in policies, commands and audit records.
func (l List) String() string {
	switch l {
	case Allow:
		return "allow"
	case Block:
		return "block"
	case Disposable:
		return "disposable"
	case NotDisposable:
		return "not_disposable"
	default:
		return "unknown"
	}
}

// ParseList finds a list by its name.
func ParseList(name string) (List, error) {
	for _, l := range Lists() {
		if l.String() == name {
			return l, nil
		}
	}
	return 0, fmt.Errorf("there is no list %q: it is allow, block, disposable or not_disposable", clip(name))
}

// aboutDisposable says whether a list corrects the disposable domains; such a list takes domains alone, with all below them.
func (l List) aboutDisposable() bool { return l == Disposable || l == NotDisposable }

// Kind is what an entry names.
type Kind uint8

// The kinds.
const (
	// Email is one mailbox.
	Email Kind = iota + 1
	// Domain is one domain, and not those below it; in Disposable and NotDisposable, those too.
	Domain
	// Subdomains is every domain below one, at any depth, and not that domain itself.
	Subdomains
	// Range is a range of IP addresses that share a prefix; one address is the longest.
	Range
)

// String is the kind's name in commands and audit records.
func (k Kind) String() string {
	switch k {
	case Email:
		return "email"
	case Domain:
		return "domain"
	case Subdomains:
		return "subdomains"
	case Range:
		return "ip_range"
	default:
		return "unknown"
	}
}
