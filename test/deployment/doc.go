// Package deployment sets Doorward up as an operator does on one machine, for tests: certificates, nkeys, streams, the first API keys and one YAML
// file a service, made with the commands that an operator types, and each part as a process of its own of one built binary.
//
//	natsserver   the embedded server of `doorward dev`, in a process of its own, so that it can be killed like the others
//	inbox        takes every mail
//	risk, authn, notify, portal
//
// StartServe makes the other form: `doorward serve` runs all of it but the inbox in one process.
//
// A process can be stopped, killed and started again; it keeps its address, its files and its log. At the test's end all are gone.
//
// Called by test/e2e, test/chaos and whoever else looks at the real binaries from outside. It plays no story and checks nothing of the product,
// except that a process which is told to stop does so well.
package deployment
