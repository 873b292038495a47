package token

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
)

const (
	refreshPrefix = "rft_"
	refreshBytes  = 32
	proofBytes    = 16
)

// Refreshers makes and reads refresh tokens under authn's key.
//
// A token is `rft_<session id>.<secret>.<proof>`: the secret is random for the first token and HMAC(key, secret before) for each that
// follows; the proof is a MAC over session and secret. So authn recognises any token that it ever made, without keeping them: a spent one is
// told from a made-up one, which must not be able to end a session whose id somebody knows.
type Refreshers struct {
	key secret.Key
}

// NewRefreshers takes the key that the chain hangs on.
func NewRefreshers(key secret.Key) Refreshers { return Refreshers{key: key} }

// Refresh is a genuine refresh token.
type Refresh struct {
	// SessionID is the session that it belongs to.
	SessionID string
	// Text is what the client holds.
	Text   secret.Text
	secret [refreshBytes]byte
}

// Digest is what a store keeps of the token.
func (r Refresh) Digest() secret.Digest { return secret.Hash(r.Text) }

// First makes the first token of a session.
func (f Refreshers) First(sessionID string) Refresh {
	var raw [refreshBytes]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the process instead
	return f.assemble(sessionID, raw)
}

// Successor is the token that follows; always the same one for the same token.
func (f Refreshers) Successor(r Refresh) Refresh {
	next := f.key.MAC("authn/refresh-successor/v1", []byte(r.SessionID), r.secret[:])
	return f.assemble(r.SessionID, next)
}

// Read tells a genuine token from anything else.
func (f Refreshers) Read(presented secret.Text) (Refresh, bool) {
	body, ok := strings.CutPrefix(presented.Reveal(), refreshPrefix)
	if !ok {
		return Refresh{}, false
	}
	parts := strings.Split(body, ".")
	if len(parts) != 3 || !id.Valid("ses", parts[0]) {
		return Refresh{}, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil || len(raw) != refreshBytes {
		return Refresh{}, false
	}
	genuine := f.assemble(parts[0], [refreshBytes]byte(raw))
	if subtle.ConstantTimeCompare([]byte(genuine.Text.Reveal()), []byte(presented.Reveal())) != 1 {
		return Refresh{}, false
	}
	return genuine, true
}

func (f Refreshers) assemble(sessionID string, raw [refreshBytes]byte) Refresh {
	proof := f.key.MAC("authn/refresh-proof/v1", []byte(sessionID), raw[:])
	enc := base64.RawURLEncoding
	text := refreshPrefix + sessionID + "." + enc.EncodeToString(raw[:]) + "." + enc.EncodeToString(proof[:proofBytes])
	return Refresh{SessionID: sessionID, Text: secret.Wrap(text), secret: raw}
}
