package token

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/doorward/doorward/internal/secret"
)

// Type is the `typ` of a session token (RFC 8725 §3.11: tokens of different kinds must not be exchangeable).
const Type = "doorward-session+jwt"

// maxLength bounds what is parsed as a session token.
const maxLength = 4096

// Claims is what a session token says.
type Claims struct {
	// Issuer, Subject and Audience are `iss`, `sub` (the user's id) and `aud`.
	Issuer, Subject, Audience string
	// Application is `azp`, the application it was issued through.
	Application string
	// Session and Device are `sid` and `dev`.
	Session, Device string
	// Generation is `gen`: it rises when what the session may do changes.
	Generation uint64
	// ID is `jti`.
	ID string
	// AMR is how the user was authenticated, AuthTime when the session began.
	AMR      []string
	AuthTime time.Time
	// FirstFactorAt and SecondFactorAt are `fva`: Unix seconds of when each factor was last verified, 0 for never.
	FirstFactorAt, SecondFactorAt time.Time
	// Status is `sts`: `active`.
	Status string
	// IssuedAt and ExpiresAt are `iat` (and `nbf`) and `exp`.
	IssuedAt, ExpiresAt time.Time
}

// wire is Claims as JSON.
type wire struct {
	jwt.RegisteredClaims
	Application string   `json:"azp"`
	Session     string   `json:"sid"`
	Generation  uint64   `json:"gen"`
	AMR         []string `json:"amr"`
	AuthTime    int64    `json:"auth_time"`
	Factors     [2]int64 `json:"fva"`
	Status      string   `json:"sts"`
	Device      string   `json:"dev"`
}

// Keyring signs session tokens and checks them, with the keys as they were at one moment. Its keys don't change. It remembers the tokens
// that it found good, which it forgets with its keys: a new keyring checks anew.
type Keyring struct {
	issuer string
	keys   []SigningKey
	opened map[string]ed25519.PrivateKey
	// revoked are the ids of keys whose tokens are refused before their time.
	revoked []string
	checked *checked
}

// NewKeyring decrypts the keys, but for revoked ones.
func NewKeyring(issuer string, sealing secret.Key, keys []SigningKey) (*Keyring, error) {
	ring := &Keyring{issuer: issuer, opened: make(map[string]ed25519.PrivateKey, len(keys)), checked: newChecked()}
	for _, k := range keys {
		if k.Revoked() {
			ring.revoked = append(ring.revoked, k.ID)
			continue
		}
		private, err := k.open(sealing)
		if err != nil {
			return nil, err
		}
		ring.opened[k.ID] = private
		ring.keys = append(ring.keys, k)
	}
	return ring, nil
}

// Issuer is the `iss` of every token.
func (r *Keyring) Issuer() string { return r.issuer }

// Published are all keys that verifiers should know.
func (r *Keyring) Published() []SigningKey { return r.keys }

// Sign makes a session token. Issuer and Status are filled in.
func (r *Keyring) Sign(c Claims) (secret.Text, error) {
	current, ok := signingAt(r.keys, c.IssuedAt)
	if !ok {
		return secret.Text{}, ErrNoSigningKey
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, r.encode(c))
	unsigned.Header["typ"] = Type
	unsigned.Header["kid"] = current.ID
	signed, err := unsigned.SignedString(r.opened[current.ID])
	if err != nil {
		return secret.Text{}, fmt.Errorf("sign session token: %w", err)
	}
	return secret.Wrap(signed), nil
}

func (r *Keyring) encode(c Claims) wire {
	return wire{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    r.issuer,
			Subject:   c.Subject,
			Audience:  jwt.ClaimStrings{c.Audience},
			IssuedAt:  jwt.NewNumericDate(c.IssuedAt),
			NotBefore: jwt.NewNumericDate(c.IssuedAt),
			ExpiresAt: jwt.NewNumericDate(c.ExpiresAt),
			ID:        c.ID,
		},
		Application: c.Application,
		Session:     c.Session,
		Generation:  c.Generation,
		AMR:         c.AMR,
		AuthTime:    c.AuthTime.Unix(),
		Factors:     [2]int64{unixOrZero(c.FirstFactorAt), unixOrZero(c.SecondFactorAt)},
		Status:      "active",
		Device:      c.Device,
	}
}

func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// What Read can find wrong. Which of the many faults ErrInvalid covers is in its text, for the log.
var (
	ErrInvalid = errors.New("token: not a session token of ours")
	ErrExpired = errors.New("token: the session token's life is over")
)

// errKeyRevoked ends the life of whatever the key signed: somebody else may have it. Whoever holds such a token by right may refresh the
// session, and nobody can tell them from the others, as a signature by this key proves nothing any more.
var errKeyRevoked = errors.New("the key is revoked")

// Read checks a session token of this deployment, for any audience, and returns its claims, which the caller doesn't change.
func (r *Keyring) Read(presented secret.Text, now time.Time) (Claims, error) {
	text := presented.Reveal()
	if len(text) > maxLength {
		return Claims{}, fmt.Errorf("%w: longer than %d bytes", ErrInvalid, maxLength)
	}
	digest := secret.Hash(presented)
	if claims, ok := r.checked.get(digest); ok && !now.Before(claims.IssuedAt) {
		if !now.Before(claims.ExpiresAt) {
			return Claims{}, ErrExpired
		}
		return claims, nil
	}
	claims, err := r.check(text, now)
	if err == nil {
		r.checked.put(digest, claims)
	}
	return claims, err
}

// check does all of Read's work.
func (r *Keyring) check(text string, now time.Time) (Claims, error) {
	if strings.ContainsAny(text, "\r\n") { // which base64 decoders skip
		return Claims{}, fmt.Errorf("%w: it has a line break", ErrInvalid)
	}
	var w wire
	parsed, err := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithIssuer(r.issuer),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithStrictDecoding(), // one spelling per token
		jwt.WithTimeFunc(func() time.Time { return now }),
	).ParseWithClaims(text, &w, r.publicKey)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired), errors.Is(err, errKeyRevoked):
		return Claims{}, ErrExpired
	case err != nil:
		return Claims{}, fmt.Errorf("%w: %v", ErrInvalid, err) //nolint:errorlint // the library's own errors stop here
	case !parsed.Valid, w.Session == "", w.Subject == "", len(w.Audience) != 1, w.IssuedAt == nil, w.NotBefore == nil,
		w.NotBefore.After(w.IssuedAt.Time):
		return Claims{}, fmt.Errorf("%w: a claim is missing", ErrInvalid)
	}
	return w.decode(), nil
}

// publicKey finds the key that a token names, once its type is right.
func (r *Keyring) publicKey(t *jwt.Token) (any, error) {
	if t.Header["typ"] != Type {
		return nil, errors.New("the typ is another")
	}
	for _, k := range r.keys {
		if k.ID == t.Header["kid"] {
			return k.Public, nil
		}
	}
	if slices.ContainsFunc(r.revoked, func(keyID string) bool { return keyID == t.Header["kid"] }) {
		return nil, errKeyRevoked
	}
	return nil, errors.New("the kid is unknown")
}

func (w wire) decode() Claims {
	return Claims{
		Issuer:         w.Issuer,
		Subject:        w.Subject,
		Audience:       w.Audience[0],
		Application:    w.Application,
		Session:        w.Session,
		Device:         w.Device,
		Generation:     w.Generation,
		ID:             w.ID,
		AMR:            w.AMR,
		AuthTime:       time.Unix(w.AuthTime, 0).UTC(),
		FirstFactorAt:  timeOrZero(w.Factors[0]),
		SecondFactorAt: timeOrZero(w.Factors[1]),
		Status:         w.Status,
		IssuedAt:       w.IssuedAt.UTC(),
		ExpiresAt:      w.ExpiresAt.UTC(),
	}
}

func timeOrZero(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
