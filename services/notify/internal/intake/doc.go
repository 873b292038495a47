// Package intake is where messages come in: it reads authn's events and sealed mails off the bus, opens what is sealed, and hands the domain's
// own types to the flows. It is to messages what api is to proto requests: it converts and decides nothing.
//
// It owns what counts as a well-formed message. One that isn't (an unknown type, a missing field, a seal that doesn't open) can't get better
// by coming again, so it ends as a dead letter at once. An error's text is kept with the letter: it names fields and quotes nothing.
//
// The service runs the consumers with Handle, which is also the way back in for a dead letter.
package intake
