// Package authntest stands in for authn in the SDK's own tests and in doorwardtest: it signs session tokens, answers
// KeyService and SessionService over a real gRPC connection in memory, and writes the revocation feed.
// It owns no rule of authn's: what a test wants it to answer, the test says.
package authntest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

// TokenLife is how long a token of an Authority lives.
const TokenLife = time.Minute

// Authority signs tokens and answers for the sessions.
type Authority struct {
	authnv1.UnimplementedKeyServiceServer
	authnv1.UnimplementedSessionServiceServer

	issuer, audience string
	now              func() time.Time

	mu       sync.Mutex
	made     int // how many keys there were in all
	keys     []key
	verdict  func(token string) (*authnv1.VerifySessionResponse, error)
	keyFault error
	keyCalls int
	askCalls int
}

type key struct {
	id      string
	private ed25519.PrivateKey
}

var (
	_ authnv1.KeyServiceServer     = (*Authority)(nil)
	_ authnv1.SessionServiceServer = (*Authority)(nil)
)

// NewAuthority makes an authority with one signing key.
func NewAuthority(issuer, audience string, now func() time.Time) *Authority {
	a := &Authority{issuer: issuer, audience: audience, now: now}
	a.Rotate()
	return a
}

// Register puts both services on a server.
func (a *Authority) Register(server grpc.ServiceRegistrar) {
	authnv1.RegisterKeyServiceServer(server, a)
	authnv1.RegisterSessionServiceServer(server, a)
}

// Rotate adds a key, which signs from now on, and returns its id. The earlier ones stay in the set.
func (a *Authority) Rotate() string {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic("authntest: no random numbers: " + err.Error()) // crypto/rand never fails
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.made++
	id := fmt.Sprintf("key_%d", a.made)
	a.keys = append(a.keys, key{id: id, private: private})
	return id
}

// Replace forgets all keys but a new one, which signs from now on, and returns the ids of those that are to be revoked.
func (a *Authority) Replace() []string {
	kept := a.Rotate()
	a.mu.Lock()
	defer a.mu.Unlock()
	var gone []string
	for _, k := range a.keys {
		if k.id != kept {
			gone = append(gone, k.id)
		}
	}
	a.keys = a.keys[len(a.keys)-1:]
	return gone
}

// PublicKey is the current signing key's public half.
func (a *Authority) PublicKey() ed25519.PublicKey {
	public, ok := a.current().private.Public().(ed25519.PublicKey)
	if !ok {
		panic("authntest: not an Ed25519 key")
	}
	return public
}

func (a *Authority) current() key {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.keys[len(a.keys)-1]
}

// Claims are those of a good token for the user and session, to be changed at will before Sign.
func (a *Authority) Claims(userID, sessionID string) jwt.MapClaims {
	now := a.now().Unix()
	return jwt.MapClaims{
		"iss": a.issuer, "aud": []string{a.audience}, "azp": "app_test",
		"sub": userID, "sid": sessionID, "dev": "dev_test", "jti": "jti_" + sessionID, "gen": 1,
		"iat": now, "nbf": now, "exp": now + int64(TokenLife/time.Second),
		"amr": []string{"pwd"}, "auth_time": now, "fva": []int64{now, 0}, "sts": "active",
	}
}

// Sign signs claims with the current key. Header members replace the usual ones; one that is nil is left out.
func (a *Authority) Sign(claims jwt.MapClaims, header map[string]any) string {
	current := a.current()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	token.Header["typ"], token.Header["kid"] = "doorward-session+jwt", current.id
	maps.Copy(token.Header, header)
	maps.DeleteFunc(token.Header, func(_ string, value any) bool { return value == nil })
	signed, err := token.SignedString(current.private)
	if err != nil {
		panic("authntest: sign: " + err.Error()) // claims that JSON can't hold
	}
	return signed
}

// Answer makes VerifySession answer as told; nil is "alive" again.
func (a *Authority) Answer(verdict func(token string) (*authnv1.VerifySessionResponse, error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.verdict = verdict
}

// FailKeys makes GetKeySet fail; nil is well again.
func (a *Authority) FailKeys(fault error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keyFault = fault
}

// Calls is how often GetKeySet and VerifySession were called.
func (a *Authority) Calls() (keys, asks int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.keyCalls, a.askCalls
}

// GetKeySet implements KeyService.
func (a *Authority) GetKeySet(context.Context, *authnv1.GetKeySetRequest) (*authnv1.GetKeySetResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keyCalls++
	if a.keyFault != nil {
		return nil, a.keyFault
	}
	answer := &authnv1.GetKeySetResponse{
		Issuer:               a.issuer,
		MaxAge:               durationpb.New(5 * time.Minute),
		SessionTokenLifetime: durationpb.New(TokenLife),
	}
	for _, k := range a.keys {
		public, _ := k.private.Public().(ed25519.PublicKey)
		answer.Keys = append(answer.Keys, &authnv1.SigningKey{Id: k.id, Algorithm: "EdDSA", Type: "OKP", Curve: "Ed25519", X: public})
	}
	return answer, nil
}

// VerifySession implements SessionService.
func (a *Authority) VerifySession(_ context.Context, request *authnv1.VerifySessionRequest) (*authnv1.VerifySessionResponse, error) {
	a.mu.Lock()
	a.askCalls++
	verdict := a.verdict
	a.mu.Unlock()
	if verdict != nil {
		return verdict(request.GetSessionToken())
	}
	var claims jwt.MapClaims
	if _, _, err := jwt.NewParser().ParseUnverified(request.GetSessionToken(), &claims); err != nil {
		return nil, err
	}
	sessionID, _ := claims["sid"].(string)
	return &authnv1.VerifySessionResponse{SessionId: sessionID}, nil
}
