// Package alert is the delivery: one mail to one address about one event, and how far it has come.
//
// It owns the delivery's states, when a failed one is tried again, and which contain-token answers it. It writes no mail, sends none
// and stores nothing: it is pure, and the flows call it.
//
//	              +------------ Retry: not before NextTryAt ------------+
//	              v                                                     |
//	New ------> queued ------------------ Begin ------------------> sending ------ Accept ------> accepted
//	              |   ^                                              |   |
//	              |   +--------------- Resume, after a crash --------+   |
//	              |                                                      |
//	              +------- Drop: expired, capped, or not wanted ---------+-----------------------> dropped
//	              |                                                      |
//	              +------- Fail: refused for good, or every try spent ---+-----------------------> failed
//
// accepted, failed and dropped are ends: nothing leads out of them, and a method that is called there answers false and changes nothing.
//
// A delivery is "sending" from just before the mail server is told of it until its answer is on disk. One that is found so after a crash
// may have arrived or not: it is sent once more, with the same Message-ID. That is the one duplicate there can be.
//
// There are two sorts. An alert (NewDevice, Contained) is made from facts that the delivery keeps; it is tried until the schedule gives
// up, and never dropped for being late. A sealed mail (Code, SignUpTaken, Invitation) came with content that only its message holds; the delivery
// keeps none of it, is tried when its message comes again, and ends with the mail's expiry. Neither is sent to an address below .invalid, which is made up:
// it is dropped at once.
package alert
