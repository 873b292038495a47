// Package flow is notify's use cases: each puts the domain together inside the store's transactions, and asks what lies outside them (authn,
// the mail server) before or after, never within.
//
// It owns when something counts as done, which is where a lost or a doubled mail comes from. It knows no transport and no store's make. api
// and intake call it, and the service runs its two loops.
//
//	Alerts       an event becomes one delivery per address to be told               at once, idempotent by event id
//	Outgoing     the queue of due alerts, sent a few at a time and tried again      a loop
//	Mails        a mail that came sealed is sent while its message waits            within the message's handler
//	Containment  what an alert's link shows, and what its answer commands
//	Operators    deliveries and dead letters, listed and replayed
//	Sweeper      what has grown old                                                 a loop
//
// # What a crash can do
//
// An alert's event is acknowledged when its deliveries are on disk; if that acknowledgement is lost, the event comes again, is known by
// its id, and does nothing. The deliveries are then the store's to send. A crash while the mail server has one leaves it "sending", and
// Outgoing sends it once more.
//
// A sealed mail's message is acknowledged when the delivery is settled: accepted by the mail server, refused for good, or too late. Until
// then every failure has it come again, and the code stays in the message alone. A crash between the server's acceptance and the record of
// it sends the same code once more.
//
// A delivery that is settled is never sent again, whatever comes again.
//
// Failures that a caller sees are faults (internal/fault); those that no repetition heals are ErrFinal. No error, log line or metric holds
// an address, a code or a token.
package flow
