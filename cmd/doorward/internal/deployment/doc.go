// Package deployment owns what a deployment has on disk before anything runs: where each file lies, and how those that are missing are made.
// It starts nothing and listens nowhere.
//
//	<dir>/
//	  certs/          the CA, and a certificate for each service, for NATS and for the operator
//	  nats/           each identity's nkey
//	  keys/           authn's key, and mail/ for the keys that mails are sealed to
//	  data/           each service's store
//	  jetstream/      the streams, where the NATS server is embedded
//	  nats.conf       for a NATS server of its own
//	  app.env         what an application needs: . .doorward/app.env (dev.env in development)
//	  operator.env    what an operator needs
//
// Whatever is there stays: making it again finds everything and makes nothing new. What was made for development is not completed for production, nor
// the other way round.
//
// Containers must not all see this directory: Share gives each service a folder of the same layout with its own files in it, and no other's.
//
// Called by `doorward init`, by `dev` and `demo`, and read by `serve`; env files are read by the demo.
package deployment
