// Package challenge makes proofs of work by the ALTCHA protocol (https://altcha.org/docs), and checks their solutions.
//
// A challenge is a puzzle that a browser solves in about as many hashes as its difficulty says, and a person doesn't notice. It costs a bot what it costs
// everybody, for each account that it makes or tries.
//
//	Issue(purpose, difficulty, try) --> Challenge --> the browser tries numbers --> solution --> Redeem(purpose, least, solution) --> try, once
//
// Nothing is kept of a challenge: its salt says for what it is, how much work it takes, which try was sent away to solve it and when it expires, and its
// signature that we made it. Of a redeemed one the signature is kept until it would have expired, so that a solution is good once. What is kept is bounded: past
// the bound nothing more is redeemed until something expires. Replicas that share the key redeem each other's challenges, and each would take a solution once.
//
// The package decides neither who is asked nor how hard; risk's gate does. It does no I/O and logs nothing: a solution is no secret, and yet none of
// anybody's business.
package challenge
