// Package e2e_test plays Doorward's story with every service in a process of its own, put together with the commands that an operator types:
// certificates, nkeys, streams, the first API keys, one YAML file a service. Then it stops, kills and restarts the processes where it hurts.
//
// It owns nothing of the product and imports none of its inside: it builds the doorward binary once, and speaks to the processes as applications,
// browsers and operators do. The NATS server is the embedded one, in the test's process. All that the processes log is searched for the
// secrets that went through them.
package e2e_test
