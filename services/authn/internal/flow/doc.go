// Package flow is authn's use cases: each puts the domain together inside the store's transactions, and asks what lies outside them
// (risk, the hash pool, the sealed mail) before or after, never within.
//
// It owns the order in which things happen, which is where security lies: a failure is reserved before a hash is spent, risk is asked
// before a password is checked, its verdict is applied only once the password is right, and a completion is one transaction with its events.
// It knows no transport and no store's make. api calls it, and so do the command consumer and the sweeper.
//
//	Attempts    sign-up and sign-in, from start to grant
//	Sessions    refresh, verify, list, revoke
//	Users       the accounts, for operators to see
//	Imports     accounts made of another system's users
//	Devices     the devices, and how an operator takes their trust away
//	Alerts      whom to tell of an event, and the containment that an owner's answer commands
//	Restrictions who may sign up: the lists, and what the rules say of an address
//	Lists       the index of those, followed from the store
//	Refusals    the account of sign-ups that they refused
//	Operators   applications and API keys, and who a caller's key says it is
//	Keys        the signing keys' schedule, and what operators change in it
//	Sweeper     what has expired
//	Restorer    what a store that came back from a backup must forget
//
// Failures that a caller sees are faults (internal/fault). A closure hands a refusal out as a value, so that the rest of its transaction stands.
package flow
