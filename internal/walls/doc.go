// Package walls holds the tests that keep the repository's packages apart. It ships nothing.
//
// It owns the list of who may import whom (rules_test.go) and the promise that an application which imports the SDK
// doesn't inherit what the services are built with (graph_test.go). It doesn't own what one import statement may name
// anywhere at all: those bans, such as the log package, are depguard's, in .golangci.yml.
//
// Inside a service, imports go one way:
//
//	package of the service itself ── wires everything below; imported by cmd/doorward alone
//	        │
//	       api ───── edges          proto, messages: they convert and delegate
//	        │          │
//	       flow ───────┘            use cases: they open transactions and put the domain together
//	        │
//	       store                    roles and their contract; boltstore, pgstore implement it
//	        │
//	       domain                   types and rules; every package that isn't named above
//
// A package that nobody has named is domain, and so gets the strictest rules: giving it more is a line in layers.
package walls
