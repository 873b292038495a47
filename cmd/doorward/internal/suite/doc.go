// Package suite puts the whole suite into one process: an embedded NATS server, authn, risk, notify, the portal and an inbox, each from its
// own constructor and over the same gRPC and NATS as when they run apart. `doorward dev` and `doorward demo` call it.
//
// It owns how the parts are wired in development, their ports and their order. What lies in the suite's directory, and how it is made, is the deployment
// package's; starting again finds all of it and makes nothing new.
package suite
