// Package attempt is one try at signing up or in, from its start to a session or a refusal.
//
// An attempt remembers what was proved, and the rest follows: Next is a pure function of the purpose, the proofs, and facts that are
// read anew each time. There is no stored state that could disagree with them.
//
//	sign-up                                 sign-in
//
//	NEW_PASSWORD                            FIRST_FACTOR
//	   | a password that the rules take        | the right password
//	   v                                       +-- risk refuses ------------------------------> REFUSED
//	EMAIL_VERIFICATION                         +-- locked or banned -----------------------------> REFUSED
//	   | the mailed code                       +-- contained password, unknown device --------> REFUSED (no code is sent)
//	   v                                       +-- contained password, known device
//	DONE                                       |      v
//	                                           |   EMAIL_VERIFICATION -- code --> NEW_PASSWORD --> DONE
//	                                           +-- compromised password, or one that turns out breached
//	                                           |      v
//	                                           |   EMAIL_ or DEVICE_VERIFICATION -- code --> NEW_PASSWORD --> DONE
//	                                           +-- unknown device, or risk asks for a check
//	                                           |      v
//	                                           |   DEVICE_VERIFICATION -- code --> DONE
//	                                           +-- known device, or one that is learned --------> DONE
//
// An attempt belongs to whoever holds its secret, on the device and through the application that began it (Binding). It may have an
// unknown subject: an identifier that belongs to nobody is walked through the same steps, and no proof of it is ever right.
//
// The package is pure: no clock, no store, no hash of passwords, no mail. The flows open transactions around it.
package attempt
