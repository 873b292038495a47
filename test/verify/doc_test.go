// Package verify_test shows the SDK's verifier against a real NATS server with the deployment's streams and permissions.
// It lives here because the SDK's own module doesn't depend on the server.
package verify_test
