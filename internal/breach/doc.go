// Package breach says whether a password is known from a breach, and what that means for whoever uses it.
//
// It owns the list of the most used passwords that ships with Doorward (data/, made by gendata), the order in which sources are asked, the
// result, and the rule that turns a result into a refusal. It doesn't own the sources themselves: package corpus is the filter on disk,
// package pwned the range API; a Checker is given them. Nor does it know users: which password is checked, and what a user is told, is for
// the flow that asks.
//
//	          the list        the corpus, a filter          the range API
//	password ----------> miss ----------------------> hit ----------------> its count
//	            hit             miss     fails         |       fails           |
//	             |               |         |           |         |         +---+----+
//	             v               v         v           v         v         v        v
//	         Breached         Clean     Unknown    Suspected  Suspected  Breached  Clean
//	                                          (asked no further)
//
// The mode says how far that goes: the list alone, one of the two sources after it, or the corpus confirmed by the range API. In that mode only what
// the filter hits is asked about outside, so that the prefix of nearly every good password stays here; a corpus that fails isn't made up for
// by asking outside after all.
//
// A filter answers "yes" for one password in 65,536 that was never in it. So Suspected refuses a password that somebody sets, who picks
// another, and says nothing about one that somebody has: it never marks or resets an account. Refuses holds the rule.
//
// Ready says whether the sources answer, before a password is looked at: a refusal for their sake then says nothing of it.
//
// A password, and its SHA-1, are secrets: neither is in an error, a log line or a metric. SHA-1 is what the corpus is published in; it
// protects nothing here.
//
// Called by authn's wiring and flows, and by `doorward breach`.
package breach
