// Package enumeration measures on a running deployment whether a stranger can learn who has an account: from what the answers are, or from how long they
// take.
//
// A Crowd is the accounts made for it, in each State that an account can be in, and as many addresses that belong to nobody. A walk is what a stranger
// can do with an address: to begin a sign-up or a sign-in, and to go on with it as far as one gets without its mails and its password. Each call of a walk
// is an entry, and is measured by itself. The access table says which methods must have one: every row of access.Table.Entrances. A method that has none
// fails the measurement, so that a flow which comes later isn't forgotten.
//
//	round 1:  every group once, in random order ── warm-up, forgotten
//	round 2…: every group once, in random order ── each entry's time and shape ──▶ leak.Judge
//
// Each address is walked once a round and a run. So what is counted of it (failures, codes, calls) is the same for all, and no limit is met. Rounds mix the
// groups, so that a busy moment of the machine falls on all of them. Each walk comes from another network of 3fff::/20, which is nobody's (RFC 9637),
// for networks are counted too. Where a call is refused for a challenge it is solved, and the call made again: the refusal and the
// call are measured each by itself, and the work isn't.
//
// A group is compared with addresses of nobody's in the same circumstances: those at a blocked domain with others there, for that a domain is blocked
// isn't a secret. Two groups of nobody's are compared as well. There is nothing to be found between them, so a run that does find something can't be
// believed.
//
// The package knows no service but by its contract. It is called by `doorward selftest enumeration` and by tests.
package enumeration
