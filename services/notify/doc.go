// Package notify is the service that tells account owners: it sends codes and alerts by mail, shows what an alert was about, and passes the
// owner's "this wasn't me" on to authn.
//
// It owns templates, deliveries, alert caps, and its own store, policy and audit. It never changes an account: it asks authn. It answers to
// NATS (authn's events and sealed mails), to the portal and to operators.
//
//	authn's events ──┐                                    ┌──> SMTP server
//	sealed mails ────┴─> intake ──> flow ──> store ──> Outgoing
//	portal, operator ──> api ────────┘         └──> outbox ──> relay ──> command, delivery.settled
//
// This package wires it: New builds one straight function of constructors, Run runs the loops and stops them in reverse order. README.md
// says what each failure does.
package notify
