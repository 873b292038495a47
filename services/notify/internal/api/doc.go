// Package api is notify's gRPC face: it converts between proto and the flows, and decides nothing. The service registers it; who may call is
// in the service's access table.
package api
