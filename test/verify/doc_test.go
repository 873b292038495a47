// Package verify_test shows the SDK's verifier against a real NATS server with the deployment's streams and permissions, and against a real
// authn whose revocations can't get through.
// It lives here because the SDK's own module depends on neither.
package verify_test
