// Package certs makes and serves the TLS material with which Doorward's services know each other.
//
// # Identity
//
// A service's name is in its certificate twice, for the two sides of a connection:
//
//   - a server is known by DNS names: the service's name ("authn"), "localhost" and the hosts given in
//     Options.Hosts, checked by ordinary TLS verification against the name the client dialled;
//   - a client is known by one URI, doorward://service/<name>, read by PeerName from the leaf of the verified chain.
//
// A leaf with no such URI, or with more than one URI of any kind, has no identity and PeerName refuses it. DNS names
// don't count for a client: a certificate has several, and a public one could be called "authn" too.
//
// # The authority
//
// Create keeps a small CA in a directory and issues one leaf per service. It serves development and self-hosted
// deployments alike; a deployment with a PKI of its own lays files of the same names and identities there instead.
// Whoever holds ca.key can speak as any service: keep it off the machines that only need <name>.pem, <name>.key and
// ca.pem. With no ca.key, Create still checks what is there, and fails only when it would have to issue.
//
// Who calls it: `doorward certs` and `doorward dev` create; every server and client builder loads. Which names may
// call what is not decided here but in each service's access table.
package certs
