// Package doorway bounds the connections that are open at once on a listener, over all
// and from each network, handshakes included: before anybody has said a word, that is
// all that can be counted.
//
// What is beyond is closed at once: a client that is told so tries another replica or
// comes again, one that is left waiting does neither, and whoever waits in front of a
// listener that takes nobody can't tell a full server from a dead one.
//
// It knows nothing of what is spoken on a connection. Who calls it: package rpc for
// every gRPC server, the portal for browsers.
package doorway
