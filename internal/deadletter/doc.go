// Package deadletter is the DeadLetterService of every service that consumes messages: it shows operators the messages that the service gave up
// on, and replays or drops them.
//
// It owns the contract's implementation and its audit records. The letters themselves are on the bus (bus.Dead), the audit log is in the service's
// store, and what a message means only the service's own handler knows: all three are passed in.
//
//	given up ──▶ dead letter ──┬─ replay: handled ──▶ gone
//	               ▲           ├─ replay: fails ──┐
//	               └───────────┼──────────────────┘
//	                           └─ drop ──▶ gone, and what it asked for is never done
//
// authn and notify register it on their servers; who may call is in their access tables.
package deadletter
