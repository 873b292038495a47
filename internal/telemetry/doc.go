// Package telemetry makes what a process shows of itself: the logger, the metrics
// registry, and the debug listener on loopback.
//
// Loggers and registries are made once, in cmd/doorward, and passed down; this
// package keeps none. Secret types redact themselves (package secret); the logger
// adds a second net beneath them: attributes with a name such as "password" and
// proto messages of any kind print as [redacted], whatever they hold. Sparing keeps what
// strangers can cause from filling the disk.
//
// Metrics carry no ids, addresses or user input in labels: what a label may hold
// is a set that is known when the program is built.
package telemetry
