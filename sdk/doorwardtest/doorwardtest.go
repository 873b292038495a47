// Package doorwardtest lets an application test its guarded handlers with no Doorward running: it signs session tokens
// that its Verifier accepts, and revokes sessions. It is for tests alone; the Verifier is the real one, and so are its
// interceptors and the gRPC connection behind it.
//
//	dw := doorwardtest.New(t)
//	server := grpc.NewServer(grpc.UnaryInterceptor(dw.Verifier.Unary()))
//	…
//	ctx := doorwardtest.Outgoing(t.Context(), dw.Token("usr_alice"))
//	_, err := client.ListNotes(ctx, request)
package doorwardtest

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/doorward/doorward/sdk/internal/authntest"
	"github.com/doorward/doorward/sdk/verify"
)

const (
	issuer   = "https://doorward.test"
	audience = "test"
	patience = 10 * time.Second
)

// Doorward is a deployment of one test.
type Doorward struct {
	// Verifier accepts the tokens that Token signs. It is closed with the test.
	Verifier *verify.Verifier

	t         testing.TB
	authority *authntest.Authority
	feed      *authntest.Feed
}

// New makes a deployment that ends with the test. Options may change the Verifier's Config.
func New(t testing.TB, adjust ...func(*verify.Config)) *Doorward {
	t.Helper()
	d := &Doorward{
		t:         t,
		authority: authntest.NewAuthority(issuer, audience, time.Now),
		feed:      authntest.NewFeed(time.Now),
	}
	d.feed.Beat()
	config := verify.Config{
		Issuer:      issuer,
		Audience:    audience,
		Authn:       authntest.Connect(t, d.authority.Register),
		Revocations: d.feed,
		// The feed of a test beats once: it stays fresh for as long as a test may run.
		MaxFeedAge: time.Hour,
	}
	for _, change := range adjust {
		change(&config)
	}
	verifier, err := verify.New(t.Context(), config)
	if err != nil {
		t.Fatalf("doorwardtest: %v", err)
	}
	d.Verifier = verifier
	t.Cleanup(func() { _ = verifier.Close() })
	return d
}

// Claim changes a token before it is signed.
type Claim func(claims map[string]any)

// Session sets the session's id. Without it the id is SessionID's.
func Session(id string) Claim { return func(claims map[string]any) { claims["sid"] = id } }

// AMR sets how the user proved who they are, such as pwd and otp. Without it that is pwd.
func AMR(methods ...string) Claim { return func(claims map[string]any) { claims["amr"] = methods } }

// Expired makes a token whose life is over.
func Expired() Claim {
	return func(claims map[string]any) {
		past := time.Now().Add(-time.Hour).Unix()
		claims["iat"], claims["nbf"], claims["exp"] = past, past, past+60
	}
}

// SessionID is the id of a user's session where Session names no other.
func SessionID(userID string) string { return "ses_" + userID }

// Token signs a session token for a user, good for a minute.
func (d *Doorward) Token(userID string, changes ...Claim) string {
	claims := d.authority.Claims(userID, SessionID(userID))
	for _, change := range changes {
		change(claims)
	}
	return d.authority.Sign(claims, nil)
}

// Revoke ends a session, and returns when the Verifier knows.
func (d *Doorward) Revoke(sessionID string) {
	d.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-d.feed.Revoke(sessionID):
	case <-timer.C:
		d.t.Fatalf("doorwardtest: the verifier didn't apply the revocation within %v", patience)
	}
}

// Outgoing returns a client's context that carries the token.
func Outgoing(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}
