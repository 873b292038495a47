// Package mail hands one finished mail to an SMTP server and says how that went:
// accepted, refused for good (ErrPermanent), or worth another try (any other error).
//
// It owns the connection: TLS, authentication, deadlines, and the headers that
// every mail of ours has. It keeps no queue and retries nothing; notify's flow
// does, and it records the outcome. Each Send opens and closes its own
// connection, so a hanging server costs one caller one timeout.
//
// A mail may hold a code or a contain-token. Nothing of its subject or body, no
// recipient, and none of the server's own words (servers quote what they refuse)
// gets into an error or a log.
package mail
