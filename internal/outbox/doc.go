// Package outbox carries what a service decided, out of its own store and on to the bus, without losing or reordering it.
//
// It owns the row that waits in a service's store, the two roles a store plays for it, and the Relay that publishes. It doesn't
// own a store (internal/boltdb implements the roles) nor a connection (internal/bus implements Publisher and Streams). Every
// service that publishes appends through Appender and runs one Relay.
//
// The life of a row:
//
//	            Append                  Acknowledged                 Forget
//	(nothing) ---------> pending -----------------------> published ---------> (nothing)
//	            in the      ^    stream and sequence kept     |      15 minutes later
//	            change's    |                                 |
//	            transaction +---------------------------------+
//	                          Rewind: the stream lost it
//
// JetStream acknowledges before it syncs its files, so a power cut can take back messages that were acknowledged. That is why a
// published row stays for a while with its place in the stream: at start, on reconnect and after an error the relay compares, and
// publishes again what the stream no longer has. Everything is therefore at-least-once; the event's id is the Nats-Msg-Id, and
// consumers are idempotent by it.
package outbox
