// Package containment is what "this wasn't me" undoes.
//
// It owns the alert (the record of an event that owners are told of), the contain-token that a mail's link carries, and the plan: what
// ends, what is untrusted, what is spared. It carries nothing out and is pure; the flow does it in one transaction.
//
//	signin.new_device --> alert --> mailed with a contain-token per address
//	                        |
//	                        | the token comes back, genuine, from an address that may answer
//	                        v
//	                    contained: a repeat answers with the first result
//
// Ended: the session of the alerted sign-in, every session on its device, and every session begun at or after it on a device that
// wasn't trusted before it. Untrusted: its device, and every device whose trust began at or after it. Spared: the rest; their refresh
// families get the new epoch, everything else issued under the old one is void.
package containment
