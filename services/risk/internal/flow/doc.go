// Package flow is risk's use cases: it brings facts and rules together, and keeps what was decided.
//
//	Assessments   judges an attempt: facts → score → answer; nothing on its way waits for the disk
//	View          applies authn's events to the history of users and to the counters of failures
//	Recorder      writes decisions behind the callers' backs, in batches, from a bounded queue
//	Decisions     lists and explains what is kept, and forgets what is old
//
// It owns the order in which things happen. A try is counted before anything is asked about it, so that parallel guesses see each
// other, and a store that fails doesn't hide them. The gate is decided from the origin alone (package score sees to it); whether an
// account exists changes nothing before its password has been proven. Until the view has caught up once there is no answer at all: a
// history that isn't loaded looks like that of a user without one, whom no country is new to.
//
// It knows no transport and no store's make. api calls it, and so does feed, which reads the events. Failures that a caller sees are
// faults (internal/fault).
package flow
