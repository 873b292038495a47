// Package inbox is a mail server for development: it accepts every mail, keeps
// the last of them in memory and shows them on a small web page.
//
// It owns two listeners (SMTP and HTTP) and a bounded mailbox, and parses what
// arrives into a Message. It delivers nothing anywhere, checks no sender, and
// forgets everything when it stops. It isn't for production: whoever reaches
// the page reads the codes, which is why it listens on loopback only unless
// told otherwise.
//
// Callers are cmd/doorward (dev, demo, inbox) and tests, which wait for a mail
// with Wait instead of asking again and again.
package inbox
