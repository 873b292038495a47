// Package riskclient asks the risk service about an attempt, and for challenges: it is the flows' Assessor and Challenges over gRPC.
//
// It owns the deadline of 250 ms, the breaker, and the tables between risk's contract and the flows' words. What a missing answer means is
// for the flow to say; what an answer that it doesn't understand means is said here: a gate is shut, and a verdict asks for a check.
//
// The breaker is there because the caller holds a place in the hash pool while risk is asked: with risk gone, each sign-in would hold it for
// 250 ms more, and the pool would starve.
//
// It opens after five failures in a row and asks again two seconds later (package breaker).
//
// A failure is no answer in time. Risk that answers with an error is there, and an answer that somebody can provoke must not switch it off
// for everybody.
//
// Called by authn's wiring, which hands it to the flows.
package riskclient
