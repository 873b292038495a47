// Package quota bounds how often something is done within a window of time, and says how many codes are mailed: to an address, at the wish of a network, and
// in all.
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
//	a /48, a /24 of IPv4, an hour  a tenth of the deployment's             no bound
//	a /32 of IPv6, an hour         a quarter of the deployment's           no bound
//	the deployment, an hour        5,000 for sign-ups, 5,000 for sign-ins  no bound
//
// The last four are shared, so a known device neither needs nor uses them. That of an address is shared by all
// spellings that are known to reach one mailbox, where anybody may name one; an account has but one address that its codes go to.
//
// Past half of the deployment's budget each code takes a solved challenge, of which the work doubles with each further eighth: a flood pays before it has used up
// what others need. Past all of it no challenge helps. One that did, however hard, would be no bound for whoever has processors, and one for a telephone.
// Whoever has one wide network has a share alone, so that it takes several to use up the whole. Wide networks have hours and no days: there are strangers in them
// who have nothing to do with each other, and they shall not be kept out for longer than that.
//
// Whoever asks every 30 s holds up who asks after them, and uses up the day's 20 within ten minutes: the interval is no power of its own.
package quota
