// Package verify guards a gRPC service: it checks the session token of every call, and refuses a revoked session within
// milliseconds, long before its token expires, without asking authn.
//
// It owns a copy of authn's public signing keys, a bounded cache of checked tokens, and the revocation feed. It holds no
// session and signs nobody in: that is the package doorward. An application makes one Verifier at start, puts its
// interceptors on the server, and closes it after the server has stopped.
//
//	v, err := verify.FromEnv(ctx)
//	server := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(v.Unary()),
//		grpc.ChainStreamInterceptor(v.Stream()),
//	)
//
// A method is refused without a token unless it is public: named by Public, or marked in its proto with
// `option (doorward.access.v1.access) = {public: true};`. In a handler, FromContext tells who is calling.
//
// # What is checked
//
// Form and size; the header's alg (EdDSA and nothing else), typ and kid; the signature, by a key that came from authn
// and never by one that the token names; iss, aud, sub, sid, iat, nbf and exp; and that the session isn't revoked.
// The first part is remembered per token until it expires, or until its key is gone. Revocation is looked up on every call.
//
// # When a signing key is revoked
//
// authn revokes a key that somebody else may have. The feed says so, and the verifier forgets the key for good, refuses
// whatever it signed with SESSION_TOKEN_EXPIRED, remembered tokens and open streams included, and fetches the keys at once:
// a client that refreshes its session is let in with the next token.
//
// # When the feed is stale
//
//	             heartbeat within MaxFeedAge
//	   ┌───────┐ ─────────────────────────────▶ ┌───────┐
//	   │ stale │                                │ fresh │ the local set of revoked sessions decides
//	   └───────┘ ◀───────────────────────────── └───────┘
//	       │      none for longer, or the set is full
//	       ▼
//	ask authn (an answer counts for a second)
//	       ├─ it answers ──▶ what it says
//	       └─ it doesn't ──▶ Config.OnStale: Open admits, Closed refuses with REVOCATIONS_STALE
//
// A verifier starts stale. A heartbeat stands in the stream behind every revocation that was written before it, so
// having read it means having read them.
//
// # What is believed of the feed
//
// Subjects prove nothing. Every identity that may read anything of NATS can have the server write to any subject: its
// answers, by naming the subject as where to reply, and the idle heartbeats and messages of a consumer, by naming it as
// where to deliver. So a message counts only with all the headers that authn writes, of the type that belongs to its
// subject, and with a body that names what the subject names. The server itself refuses a copy of a message of authn's:
// it bears the place that it was written for (Nats-Expected-Last-Sequence).
//
// Heartbeats make the feed fresh, and each does so once: one counts when it says a later moment than all before, by
// authn's clock. A copy of an old one is no news, whoever has it delivered. Clocks may differ by 30 s. Where authn's goes
// back further than time has passed, as after a restore or on another machine, the feed is stale until that clock has
// caught up, a minute at most, and authn is asked meanwhile; where clocks differ by more, no token is good either. In no
// case is the feed fresher than authn's last genuine heartbeat that we hadn't read before, plus those 30 s.
//
// What isn't believed is counted in Stats.Refused, logged once a minute, and passed over. The stream keeps one message of
// a subject, so it may stand where a revocation stood: authn is then asked about the session that its subject names, as
// with a stale feed, and the keys are fetched anew. It ends nothing by itself.
//
// # Streams
//
// A stream is checked when it opens. It ends with SESSION_ENDED when its session is revoked, and with
// SESSION_TOKEN_EXPIRED after Config.MaxStreamAge, or when the key is revoked that signed its token, so that a client comes
// back with a new token. It doesn't end when the token expires that opened it.
package verify
