// Package policy keeps what an operator may tune while a service runs: one
// value per service, validated, versioned, and with who changed it and why.
//
// It owns the life of that value: defaults, validation, compare-and-swap, and
// the cache through which a service reads it. It doesn't own what is in a
// policy (each service has a type of its own) nor where it is stored: a store
// plays the role Records. The caller is a service: its flows read Current, and
// its PolicyService runs Update.
//
// A change is one transaction of the service's store, in which the caller
// writes three things together:
//
//	record, err := policies.Update(tx.Policies(), change)  // the new version
//	err = tx.Audit().Append(…)                             // who, why
//	err = tx.Outbox().Append(…)                            // policy.changed
//
// and then calls Refresh, so that this process doesn't wait for the cache to
// age. Other replicas see the change within a second.
//
// When the store can't be read, Current goes on with the last policy it read:
// sign-in doesn't stop for that, nor does it fall back to defaults, which may
// be weaker than what the operator chose. Only Open fails, so that a service
// never starts without having read its policy once.
package policy
