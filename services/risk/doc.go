// Package risk is the service that says how much to believe a sign-in.
//
// It owns the signals, each user's history of sign-ins, the counters of failures, the rules, the record of decisions, and challenges. It answers
// authn's Assess and ChallengeService calls and operators' DecisionService over mutual TLS, and learns how attempts ended from authn's events. It never sees a
// password, a token or a code, publishes nothing, and calls nobody.
//
// cmd/doorward makes it with New and runs it. README.md tells an operator the rest.
//
//	api ───┐
//	       ├──▶ flow ──▶ store ──▶ decision, score, signal, history, geo, challenge
//	feed ──┘               ▲
//	                   boltstore
package risk
