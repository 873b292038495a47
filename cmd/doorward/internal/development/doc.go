// Package development is the suite as a developer runs it: everything in one process on loopback, with nothing to prepare. `doorward dev` and `doorward
// demo` call it.
//
// It owns what differs from production, and all of it is made here: a directory with certificates and keys that are marked for development (by the deployment
// package), the first API keys, an embedded NATS server that syncs its files once a second, an inbox that takes every mail, one policy that lets unknown
// countries pass, and a portal without TLS. Starting again finds all of it and makes nothing new.
package development
