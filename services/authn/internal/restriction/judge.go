package restriction

import (
	"net/netip"
	"slices"
)

// Subject is who wants in.
type Subject struct {
	// Email is the address, as typed.
	Email string
	// IP is where they come from.
	IP netip.Addr
	// AddressOnly judges the address alone, where there is nobody who comes from anywhere: an operator asks, or existing accounts are swept.
	AddressOnly bool
	// Invited says that they hold an invitation to this address which is good, or that they need none, because they have an account.
	Invited bool
	// Invitation is the id of the one that they hold. InvitationFault is what is wrong with what they presented, for the operator.
	Invitation, InvitationFault string
	// MailboxTaken says that another account holds an address with the same Mailbox.
	MailboxTaken bool
}

// Judge says whether a subject may come, and everything that the rules have to say about it, in the order that the package comment draws. What
// is missing or can't be read refuses.
func Judge(s Subject, r Rules, x *Index) Judgement {
	if x == nil {
		return refused(ListsMissing)
	}
	j := &judging{subject: s, rules: r, index: x}
	j.address, j.readable = r.Address(s.Email)
	if !j.readable {
		j.speak(Finding{Rule: AddressUnreadable, Effect: Refuses})
	}
	j.accessMode()
	j.network()
	if j.readable {
		j.addressLists()
		j.disposable()
		j.subaddress()
	}
	return j.judgement()
}

// judging is one judgement while it is made.
type judging struct {
	subject  Subject
	rules    Rules
	index    *Index
	address  Address
	readable bool
	findings []Finding
	// allowed says that the list Allow names the address or its domain; named, that it names the very address.
	allowed, named bool
	// found are the entries that name the address.
	found []Entry
}

func (j *judging) speak(f Finding) { j.findings = append(j.findings, f) }

// judgement lets in when nothing refuses. The first that does is the reason.
func (j *judging) judgement() Judgement {
	first := slices.IndexFunc(j.findings, func(f Finding) bool { return f.Effect == Refuses })
	if first < 0 {
		return Judgement{Allowed: true, Findings: j.findings}
	}
	return Judgement{Reason: j.findings[first].Rule, Findings: j.findings}
}

// unless refuses, or says what lifted it.
func unless(lifted bool) Effect {
	if lifted {
		return Lifted
	}
	return Refuses
}

func (j *judging) accessMode() {
	s := j.subject
	switch {
	case j.rules.AccessMode == Open:
	case !s.Invited:
		j.speak(Finding{Rule: InvitationRequired, Effect: Refuses, InvitationFault: s.InvitationFault})
	case s.Invitation != "":
		j.speak(Finding{Rule: InvitationRequired, Effect: Lifted, Invitation: s.Invitation})
	}
}

// network looks at ranges. They and addresses are judged apart: whoever types an allowed address hasn't proved to be its owner, and must not
// open a blocked network with it.
func (j *judging) network() {
	if j.subject.AddressOnly {
		return
	}
	if !j.subject.IP.IsValid() {
		j.speak(Finding{Rule: NetworkUnreadable, Effect: Refuses})
		return
	}
	var room [8]Entry
	found := j.index.FindIP(room[:0], j.subject.IP)
	allowed := false
	for _, e := range found {
		if e.List == Allow && j.rules.usesAllowlist() {
			allowed = true
			j.speak(Finding{Rule: NetworkAllowed, Effect: Allows, Entry: e})
		}
	}
	for _, e := range found {
		if e.List == Block && j.rules.Blocklist {
			j.speak(Finding{Rule: NetworkBlocked, Effect: unless(allowed), Entry: e})
		}
	}
}

// addressLists looks at the entries that name the address or its domain.
func (j *judging) addressLists() {
	var room [8]Entry
	j.found = j.index.FindAddress(room[:0], j.address)
	for _, e := range j.found {
		if e.List == Allow && j.rules.usesAllowlist() {
			j.allowed = true
			j.named = j.named || e.Kind == Email
			j.speak(Finding{Rule: AddressAllowed, Effect: Allows, Entry: e})
		}
	}
	for _, e := range j.found {
		if e.List == Block && j.rules.Blocklist {
			j.speak(Finding{Rule: AddressBlocked, Effect: unless(j.allowed), Entry: e})
		}
	}
	if j.rules.requiresAllowlist() && !j.allowed {
		j.speak(Finding{Rule: NotAllowed, Effect: Refuses})
	}
}

// disposable asks who says the most about the domain: the operator or the list that ships, whichever names the domain nearest to the
// address; the operator where both name the same, and of the operator's two lists the one that lets in.
func (j *judging) disposable() {
	if j.rules.Disposable == AllowThem {
		return
	}
	shipped := j.index.shipped.within(j.address.Domain())
	for _, e := range j.found {
		if !e.List.aboutDisposable() || len(e.Name) < len(shipped) {
			continue
		}
		if e.List == NotDisposable {
			j.speak(Finding{Rule: DisposableException, Effect: Allows, Entry: e})
			return
		}
		j.speak(Finding{Rule: DisposableDomain, Effect: unless(j.allowed), Entry: e})
		return
	}
	if shipped != "" {
		j.speak(Finding{Rule: DisposableDomain, Effect: unless(j.allowed), Shipped: shipped})
	}
}

// subaddress refuses tags, and a mailbox that has an account. An allowed domain doesn't lift it: that says who may come, not how often. An
// entry for the very address does.
func (j *judging) subaddress() {
	if j.rules.Subaddresses == AllowThem {
		return
	}
	if tag := j.address.Tag(); tag != "" && j.rules.Subaddresses != OnePerMailbox {
		j.speak(Finding{Rule: Subaddress, Effect: unless(j.named), Tag: tag, Mailbox: j.address.Mailbox()})
	}
	if j.subject.MailboxTaken {
		j.speak(Finding{Rule: MailboxTaken, Effect: unless(j.named), Mailbox: j.address.Mailbox()})
	}
}

func (r Rules) requiresAllowlist() bool {
	return r.Allowlist != AllowlistOff && r.Allowlist != AllowlistExceptions
}

// usesAllowlist is false for values that aren't known: those let nobody through.
func (r Rules) usesAllowlist() bool {
	return r.Allowlist == AllowlistExceptions || r.Allowlist == AllowlistRequired
}
