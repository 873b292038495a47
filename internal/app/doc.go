// Package app runs a process: it starts tasks together, stops them in order, and
// says who would not stop.
//
// A task is a name and a function that works until its context ends. Tasks are
// given in the order in which they lean on each other, so that they stop in the
// reverse: the server before the relay that publishes what it wrote, the relay
// before the bus.
//
//	        start                        stop
//	bus  ─────┬────────────────────────────────┴── last, when relay has ended
//	relay  ───┤                          ──┴── when server has ended
//	server ───┘            first failure or signal ──┴── first
//
// Only cmd/doorward's main uses SignalContext; nothing else catches signals or
// exits. The package knows no service. Listen is here because every port of a
// process is opened before its tasks start, and all of them explain a taken port
// in the same words.
package app
