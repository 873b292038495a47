// Package quota bounds how often something is done within a window of time, and says how many codes are mailed: to an address, and at the wish of a network.
//
// It counts what was done, right or wrong; failures, which success wipes out, are package lockout's. It is pure; the flows keep each Budget in the store
// under a keyed hash, those of addresses that belong to nobody too.
//
// # Budgets
//
// Whoever can use up a budget can keep those waiting who share it. So an address has several, and to use one takes what its owner has:
//
//	sign-up, by anybody            nothing but the address
//	sign-in, on unknown devices    its right password: no code is mailed before
//	sign-in, on known devices      a device that is known for it
//
// Sign-ups with an address that is taken, which its owner is told of, count with the first, as those with a free one do. So strangers use up no code that an
// account's owner needs. What is asked on known devices is counted apart, as package lockout counts failures.
//
// # Rules
//
// The same hold for each of an address's budgets, and are counted apart in each. With the defaults:
//
//	                               anybody, unknown devices                known devices
//	one code and the next          30 s                                    30 s
//	an address, within an hour     10, then a solved challenge for each    10
//	an address, within a day       20                                      20
//	a network, within a day        300 for sign-ups, 300 for sign-ins      no bound
//
// A network's budget is shared by all who are in it, so a known device neither needs nor uses it. That of an address is shared by all
// spellings that are known to reach one mailbox, where anybody may name one; an account has but one address that its codes go to.
//
// Whoever asks every 30 s holds up who asks after them, and uses up the day's 20 within ten minutes: the interval is no power of its own.
package quota
