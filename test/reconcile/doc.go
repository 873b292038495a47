// Package reconcile holds a ledger of what a suite acknowledged against what the suite has: its users and sessions as an operator sees them, the
// events in its streams, the deliveries that notify knows and the mails that arrived.
//
//	acknowledged                      must be
//	user                              in the store, with its event
//	session                           in the store, as active or ended as was acknowledged; its events in the stream; refreshed or refused
//	revocation                        in the store, in both streams, and in force
//	anything that is in the store     told in the streams, and nothing is told that isn't there
//	an event of a user                one after the other, with no version missing
//	a sign-in on an unknown device    told to the owner by one mail; by two only if notify was interrupted between them
//
// What was asked for and never answered may be there or not; if it is, it must be there wholly.
//
// It starts and stops nothing. Callers are tests of crashes and faults, after their load has ended.
package reconcile
