// Package suite runs authn, risk, notify and the portal in one process, each from its own constructor and over the same gRPC and NATS as when they
// run apart.
//
// It owns what is the same in development and in production: how the services are wired to each other and to the bus, in which order they start
// and stop, and when all of them serve. What differs stands in the two packages that call it: development (`doorward dev`, `doorward demo`) makes by
// itself whatever it needs, an inbox too; production (`doorward serve`) makes nothing, and demands it.
package suite
