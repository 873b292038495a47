// Package testbed runs authn the way a deployment does, for tests that look at it from outside: its own files, TLS, an embedded NATS server
// with every identity and its permissions, and people who sign up with the codes that they are mailed.
//
// Two things aren't the deployment's: a gRPC server in risk's place lets everybody pass, and the testbed reads the sealed mails with
// notify's identity and key. Everything lives until the test ends, and is stopped then.
//
// Called by test/bench and test/verify. It knows nothing about what they measure or claim.
package testbed
