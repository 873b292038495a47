package restriction

// Rule names what speaks about a subject. Audit records and commands show it.
type Rule string

// The rules.
const (
	// ListsMissing: there is no index to look into.
	ListsMissing Rule = "lists_missing"
	// AddressUnreadable: what was typed is no email address.
	AddressUnreadable Rule = "address_unreadable"
	// InvitationRequired: the access mode is invitation_only, and they hold none that is good for the address.
	InvitationRequired Rule = "invitation_required"
	// NetworkUnreadable: it isn't known where they come from.
	NetworkUnreadable Rule = "network_unreadable"
	// NetworkAllowed: a range in Allow holds their IP address.
	NetworkAllowed Rule = "network_allowed"
	// NetworkBlocked: a range in Block does.
	NetworkBlocked Rule = "network_blocked"
	// AddressAllowed: Allow names the address or its domain.
	AddressAllowed Rule = "address_allowed"
	// AddressBlocked: Block names the address, its mailbox or its domain.
	AddressBlocked Rule = "address_blocked"
	// NotAllowed: only what Allow names may come, and this isn't.
	NotAllowed Rule = "address_not_allowed"
	// DisposableException: the operator says that the domain isn't disposable.
	DisposableException Rule = "disposable_exception"
	// DisposableDomain: the domain is disposable, as the operator or the list that ships says.
	DisposableDomain Rule = "disposable_domain"
	// Subaddress: the address has a tag.
	Subaddress Rule = "subaddress"
	// MailboxTaken: another account holds the mailbox. To the caller this must look like an address that is taken: it says that an account exists.
	MailboxTaken Rule = "mailbox_taken"
)

// Refusers are the rules that may be the reason of a refusal which its caller is told, in their order.
func Refusers() []Rule {
	return []Rule{AddressUnreadable, InvitationRequired, NetworkUnreadable, NetworkBlocked, AddressBlocked, NotAllowed, DisposableDomain, Subaddress}
}

// Effect is what a rule that speaks does.
type Effect uint8

// The effects.
const (
	// Refuses keeps out.
	Refuses Effect = iota
	// Lifted would keep out, but for an entry in Allow, or for an invitation.
	Lifted
	// Allows lifts what comes after it.
	Allows
)

// String is the effect's name in audit records and commands.
func (e Effect) String() string {
	switch e {
	case Refuses:
		return "refuses"
	case Lifted:
		return "lifted"
	case Allows:
		return "allows"
	default:
		return "unknown"
	}
}

// Finding is one rule that spoke.
type Finding struct {
	Rule   Rule
	Effect Effect
	// Entry is the operator's entry that the rule found; zero for rules that need none.
	Entry Entry
	// Shipped is the domain in the list of disposable ones that ships, where that spoke.
	Shipped string
	// Tag is the address's tag with its separator, and Mailbox what is left without it, where a rule of subaddresses spoke.
	Tag, Mailbox string
	// Invitation is the id of the one that lifted the rule; InvitationFault what was wrong with what was presented in its stead.
	Invitation, InvitationFault string
}

// Judgement is what became of a subject. The zero one refuses.
type Judgement struct {
	// Allowed says whether they may come.
	Allowed bool
	// Reason is the first rule that refuses, for the caller; empty when they may come.
	Reason Rule
	// Findings are all rules that spoke, for the operator.
	Findings []Finding
}

func refused(why Rule) Judgement {
	return Judgement{Reason: why, Findings: []Finding{{Rule: why, Effect: Refuses}}}
}
