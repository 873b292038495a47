// Package decision is the record of an assessment: what was asked, what was answered, and every signal that was looked at.
//
// It owns what a record holds and in which order its signals stand. It decides nothing (score does) and stores nothing (the
// store keeps records as JSON, so a field's name never changes its meaning). risk's flow makes one for each assessment, and
// answers operators from those that are kept.
//
// A record holds ids, an address and countries: no identifier as typed, no secret. Retention bounds how long.
package decision
