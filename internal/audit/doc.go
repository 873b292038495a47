// Package audit records who did what to whom, from where, with which authority
// and why.
//
// It owns the record: its fields, what must be in it, and how records are paged.
// It doesn't own a store: a service writes the record through the role Log in
// the same transaction as the change itself, so that there is no change without
// its record and no record of a change that never was. Callers are the flows of
// every service, which append, and each service's AuditService, which lists.
//
// Records are only ever added. Each gets the next sequence number in the
// transaction that stores it, without gaps, so that one writer can later chain
// them by hash in that order: a record that was taken out would leave a hole.
//
// A record holds no secret. Details turns values into text as a log would, so a
// secret type comes out as "[redacted]".
package audit
