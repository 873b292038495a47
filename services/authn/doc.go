// Package authn is the service that knows who a user is: accounts, credentials, devices, sessions, signing keys, attempts, and the
// applications that call.
//
// It owns the wiring: New puts store, keys, hash pool, flows, server, outbox and command consumer together in one straight line, Run starts
// them in the order in which they lean on each other and stops them in the reverse. It owns who may call what (access.go) and how callers
// prove who they are (authenticate.go). It holds no rule: those are in internal/, where
//
//	api, commands, riskclient    the contract, the command stream and risk, turned into the flows' words
//	flow                         the use cases
//	store                        the storage contract, its suite, and its backends
//	account, attempt, session…   the domain, pure
//
// What the process needs of its surroundings and what happens without it:
//
//	store, keys, certificates    it doesn't start, and says what to run
//	NATS                         it starts and serves; events wait in the outbox, and verifiers see the feed grow old
//	risk                         it starts and serves; unknown devices are verified, sign-ups wait
//
// Called by cmd/doorward.
package authn
