// Package bus is the suite's way to NATS JetStream. It owns
//
//   - the table of streams and who writes each (stream.go), applied by an operator and checked by services;
//   - the table of identities and what each may do (grant.go), which renders the embedded server's users and deploy/nats.conf alike;
//   - the embedded server of "doorward dev" and "serve", and connections with an nkey and a private inbox;
//   - events as CloudEvents in NATS binary mode (event.go);
//   - publishing for the outbox's relay, consuming with a durable, dead letters, and following a stream for a view.
//
// It doesn't know what an event means: bodies are bytes. It doesn't decide what is published: that is the outbox. Services call it
// from their wiring and hand their handlers in.
//
// Three ways to read, by what the reader needs:
//
//	Consume   every event handled once or more, by one of the replicas; failures end as dead letters   notify, authn's commands
//	Follow    every event in order, by each replica, into a view that keeps its own cursor             risk
//	Dead      what couldn't be handled, listed, replayed and dropped
package bus
