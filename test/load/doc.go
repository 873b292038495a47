// Package load is the traffic of applications: it signs people up and in, on known devices and unknown ones with the codes that they are mailed,
// refreshes their sessions, verifies them and has an operator revoke them, at given rates against a running suite. It speaks through the SDK and
// knows the suite by its env file alone.
//
// Every answer goes into a Ledger: what was acknowledged, and what was asked for but never answered, which may have happened or not. Some promises
// are held against the suite at once, and what breaks one stands in Ledger.Broken: a session that was acknowledged and not revoked can be
// refreshed and is let in, one whose revocation was acknowledged can't and isn't.
//
//	Generator   paces the operations, and gives each a worker and a person
//	person      has an address, a password and browsers, and does one thing at a time
//	postbox     reads the inbox, and hands codes to those who wait for them
//
// Callers are tests that kill and stop parts of the suite meanwhile, and the soak. It starts and stops nothing of the suite, and it isn't for
// measuring: it leaves the machine time, for a password costs some 25 ms of a core.
package load
