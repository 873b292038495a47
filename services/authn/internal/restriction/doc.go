// Package restriction owns the rules of who may sign up: the access mode, the lists of addresses, domains and IP ranges, disposable domains
// and subaddresses.
//
// Judge applies them to somebody who signs up, adds an address or accepts an invitation; the flows call it, write all that it found into an
// audit record and give the caller its one reason. Accounts that exist are judged by nobody, unless an operator sweeps. Every rule speaks
// each time, so that the operator sees them all; the first in this order that refuses is the reason:
//
//	the address can't be read ────────────► refuses                            (no rule about the address can speak then)
//	invitation_only ──────────────────────► refuses ◄─ lifted by an invitation to the address
//	where they come from can't be read ───► refuses
//	the IP address is in a blocked range ─► refuses ◄─ lifted by an allowed range that holds it, however wide
//	the address is blocked ───────────────► refuses ◄─┐
//	not in an allowlist that is required ─► refuses   ├ lifted by an allowed address or domain, however wide
//	the domain is disposable ─────────────► refuses ◄─┘
//	the address has a tag ────────────────► refuses ◄─┐ lifted by an allowed entry for the very address
//	another account has its mailbox ──────► refuses ◄─┘
//	else                                    may come
//
// Why so:
//   - The rules that say the least about accounts come first, the one that tells of another account last.
//   - Allow comes before Block, as operators know it from elsewhere: it is how one makes exceptions. It makes some even when it isn't required.
//   - Networks and addresses don't lift each other. An address that is merely typed proves nothing, so an allowed one mustn't open a blocked network; and
//     who comes from an allowed network may still bring a blocked address. For the same reason a required allowlist asks for the address alone:
//     whoever wants only one network in blocks 0.0.0.0/0 and ::/0 and allows that one. Taking an entry out of Allow never lets anybody in.
//   - An invitation lifts the access mode and nothing else: it says who is awaited, and the lists who isn't wanted. An operator who wants
//     somebody in all the same adds an entry to Allow.
//   - About disposable domains the one who names the domain nearest to the address is heard, the operator before the list that ships, and an
//     exception before an addition. A domain stands for all below it there.
//
// What is compared: domains in ASCII; local parts folded to lower case, in account.Canonical's form; without what a provider is known to
// ignore (Gmail's dots). An entry for an address in Block also names the address with any tag, one in Allow only itself. example.com is that domain alone,
// *.example.com every one below it at any depth. IPv4 and IPv6 have ranges of their own, and an IPv4 address in its form in IPv6 is an IPv4 address.
//
// Index is what the entries are looked up in: immutable, for a million of them, a change makes another. Whoever holds it keeps the current
// one. It doesn't keep entries: the store does, and says who added each and why. Invitations are another package's.
package restriction
