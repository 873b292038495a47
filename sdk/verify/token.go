package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// MaxTokenSize is the size in bytes of the largest token that is looked at.
	MaxTokenSize = 4096

	tokenType = "doorward-session+jwt"
	algorithm = "EdDSA"
	// activeStatus is the `sts` of a session that wants nothing more of its user.
	activeStatus = "active"
	// clockSkew is how far authn's clock may be ahead of ours. A token's end gets no such leeway.
	clockSkew = 5 * time.Second
)

// refusedHeaders are those of RFC 7515 that bring or name a key, or change what the signature covers. None of our tokens
// has one, and a verifier that ignored them would be one careless change from obeying them.
var refusedHeaders = []string{"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64"}

// claims are the claims of a session token that a verifier reads. golang-jwt only decodes them: check below judges them.
type claims struct {
	Issuer      string           `json:"iss"`
	Subject     string           `json:"sub"`
	Audience    jwt.ClaimStrings `json:"aud"`
	Application string           `json:"azp"`
	Session     string           `json:"sid"`
	Generation  uint64           `json:"gen"`
	IssuedAt    int64            `json:"iat"`
	NotBefore   int64            `json:"nbf"`
	Expires     int64            `json:"exp"`
	Methods     []string         `json:"amr"`
	AuthTime    int64            `json:"auth_time"`
	Status      string           `json:"sts"`
	Device      string           `json:"dev"`
}

// tokenChecker checks a token by itself: form, header, signature, claims. It knows nothing of revocations.
type tokenChecker struct {
	keys     *keyring
	issuer   string
	audience string
	parser   *jwt.Parser
}

func newTokenChecker(keys *keyring, issuer, audience string) *tokenChecker {
	return &tokenChecker{
		keys:     keys,
		issuer:   issuer,
		audience: audience,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{algorithm}),
			jwt.WithStrictDecoding(),
			jwt.WithoutClaimsValidation(), // check does it, in words of its own
		),
	}
}

// check returns the session that a token speaks of. Its errors are refusals, wrapped with a cause that quotes nothing of
// the token.
func (t *tokenChecker) check(ctx context.Context, token string, now time.Time) (Session, error) {
	if len(token) > MaxTokenSize {
		return Session{}, invalid("too long")
	}
	var body claims
	parsed, err := t.parser.ParseWithClaims(token, &body, func(parsed *jwt.Token) (any, error) {
		return t.keyFor(ctx, parsed.Header)
	})
	if err != nil {
		return Session{}, parseFault(err)
	}
	if err := t.judge(&body, now); err != nil {
		return Session{}, err
	}
	session := body.session()
	session.keyID, _ = parsed.Header["kid"].(string) // which keyFor made sure of
	return session, nil
}

func (t *tokenChecker) keyFor(ctx context.Context, header map[string]any) (any, error) {
	for _, name := range refusedHeaders {
		if _, present := header[name]; present {
			return nil, invalid("a header that names a key")
		}
	}
	if kind, ok := header["typ"].(string); !ok || kind != tokenType {
		return nil, invalid("not a session token")
	}
	id, ok := header["kid"].(string)
	if !ok || id == "" {
		return nil, invalid("no key id")
	}
	return t.keys.find(ctx, id)
}

// judge holds every claim against what is expected here. A claim that is missing is a fault like a wrong one.
func (t *tokenChecker) judge(body *claims, now time.Time) error {
	latest := now.Add(clockSkew).Unix()
	switch {
	case body.Issuer != t.issuer:
		return invalid("another issuer")
	case !slices.Contains(body.Audience, t.audience):
		return invalid("another audience")
	case body.Subject == "":
		return invalid("no subject")
	case body.Session == "":
		return invalid("no session id")
	case body.Status != activeStatus:
		return invalid("not an active session")
	case body.IssuedAt <= 0 || body.NotBefore <= 0 || body.Expires <= body.IssuedAt:
		return invalid("no lifetime")
	case body.IssuedAt > latest || body.NotBefore > latest:
		return invalid("not valid yet")
	case now.Unix() >= body.Expires:
		return ErrTokenExpired
	default:
		return nil
	}
}

func (c *claims) session() Session {
	session := Session{
		UserID:        c.Subject,
		SessionID:     c.Session,
		DeviceID:      c.Device,
		ApplicationID: c.Application,
		ExpiresAt:     time.Unix(c.Expires, 0),
		Generation:    c.Generation,
		amr:           c.Methods,
	}
	if c.AuthTime > 0 {
		session.AuthTime = time.Unix(c.AuthTime, 0)
	}
	return session
}

// parseFault gives golang-jwt's error a text of ours: its own may quote the token.
func parseFault(err error) error {
	if refused, ok := errors.AsType[*fault](err); ok {
		return refused
	}
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return invalid("malformed")
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return invalid("signature or algorithm")
	default:
		return invalid("algorithm")
	}
}

// fault is a refusal with the cause that the log is told.
type fault struct {
	refusal *Refusal
	cause   string
}

func (f *fault) Error() string { return fmt.Sprintf("%v (%s)", f.refusal, f.cause) }
func (f *fault) Unwrap() error { return f.refusal }

func invalid(cause string) error { return &fault{refusal: ErrTokenInvalid, cause: cause} }

// golang-jwt asks a claims type for these. It never calls them here, as its validation is off.
var _ jwt.Claims = (*claims)(nil)

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.Expires, 0)), nil
}

func (c *claims) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.IssuedAt, 0)), nil
}

func (c *claims) GetNotBefore() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.NotBefore, 0)), nil
}
func (c *claims) GetIssuer() (string, error)             { return c.Issuer, nil }
func (c *claims) GetSubject() (string, error)            { return c.Subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error) { return c.Audience, nil }
