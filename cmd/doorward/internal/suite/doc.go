// Package suite puts the whole suite into one process: an embedded NATS server, authn, risk, notify, the portal and an inbox, each from its
// own constructor and over the same gRPC and NATS as when they run apart. `doorward dev` and `doorward demo` call it.
//
// It owns the directory in which a development suite lives, and what is made there on the first start: certificates, nkeys, keys, the first API keys and
// the two env files. Starting again finds all of it and makes nothing new.
//
//	<dir>/
//	  certs/          the CA and each service's certificate
//	  nats/           each identity's nkey
//	  keys/           authn's key, and mail/ for the keys that mails are sealed to
//	  data/           each service's store
//	  jetstream/      the streams
//	  dev.env         what an application needs: . .doorward/dev.env
//	  operator.env    what an operator needs
package suite
