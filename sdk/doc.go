// Package doorward is the client of a Doorward deployment: an application's backend uses it to sign its users up and in.
//
// It owns the connection to authn (TLS, the API key in every call, a deadline on every call) and the small amount of
// state that one attempt needs between two calls. It keeps no session and sets no cookie. Whether a session token is
// good is for the package verify, which a guarded service uses without asking authn.
//
// # An attempt
//
// Every flow is one loop: start it, look at Next, answer, until Next is Done or Refused.
//
//	a, err := dw.SignIn(ctx, email, doorward.FromHTTP(r))
//	err = a.Password(ctx, password)
//	if a.Next() == doorward.DeviceVerification {
//		err = a.SendCode(ctx)
//		err = a.Code(ctx, code) // from the user's mail
//	}
//	grant, ok := a.Grant()
//
// A wrong password or code is not an error. Next stays where it was, LastAnswer has the outcome Wrong, and AnswersLeft
// says how many more the attempt takes. An error means that the call itself failed: ReasonOf and RetryAfter tell why
// and when to come back, and docs/errors.md what to do about each reason and what to tell the user. What an attempt
// answers never depends on whether the account exists, so pass it on as it is.
//
// A sign-in often takes more than one request of the user's browser. Keep Attempt.Ticket where only that browser can
// bring it back (an HttpOnly cookie), and go on with Client.Resume.
//
// # Challenges
//
// A call may need a proof of work first: a sign-up does, by the default policy, and sign-ins while a deployment is under attack. The call
// then fails with a *ChallengeError that the user's browser solves. Where the client runs at its user's own machine, Config.SolveChallenges has it do the work
// and call again, all within one call of yours; behind a web page it would work for every bot that calls the page.
//
// # Secrets
//
// Tokens, keys and tickets are of type Secret: it prints as [redacted] in logs, errors and JSON. Reveal returns the text.
package doorward
