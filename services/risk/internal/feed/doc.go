// Package feed brings authn's events to risk's use cases. It owns what of an event is read and what makes one malformed; what follows from
// it is flow's business, and how streams are read is internal/bus's.
//
//	DOORWARD_AUTHN     in order, from the stored cursor     signin.succeeded, session.contained → history; the rest only moves the cursor
//	DOORWARD_ATTEMPTS  at each start one window back        signin.failed → counters
//
// An event that is malformed is passed over with a line in the log and a count (doorward_bus_deliveries_total, outcome "skip"): it is a
// fault of whoever published it, which no repetition heals, and sign-ins after it must still be learnt. An event that the store fails to
// take is tried until it does: nothing is passed over for that.
//
// risk's own package runs it.
package feed
