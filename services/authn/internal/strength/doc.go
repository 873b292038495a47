// Package strength estimates how many guesses a password stands, and says what makes it easy to guess.
//
// The estimate is zxcvbn's (D. Wheeler, "zxcvbn: Low-Budget Password Strength Estimation", USENIX Security 2016) by
// github.com/ccojocar/zxcvbn-go, which looks for words and passwords of its lists, keyboard patterns, repeats,
// sequences and dates, and takes the cheapest way to put the password together out of them. That library counts bytes
// in some places and code points in others, and its work grows without measure with some inputs. So it is given
// something that it is right about, and a bounded amount of it:
//
//	password ─fold─► one byte per code point ─period─► its unit, if it repeats itself ─cut─► MaxJudged bytes
//	    │                                                                                         │
//	    own words, folded alike                            dictionaries, patterns, and words in disguise (p@ssw0rd)
//	                                                                                              │
//	                                                          the cheapest way ─► Estimate: score and weaknesses
//
// The work takes milliseconds, not microseconds: it belongs on a worker of the hash pool, and never into a
// transaction. The package keeps nothing and decides nothing: which score is enough is the policy's, and the words for
// a page are credential's, which calls it.
package strength
