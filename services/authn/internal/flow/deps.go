package flow

import (
	"context"
	"log/slog"
	"time"

	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/pace"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/token"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// Deps is what the use cases need from outside.
type Deps struct {
	Store store.Store
	// Policy answers with the policy in force, from its cache.
	Policy func(context.Context) tuning.Policy
	// Pool hashes passwords.
	Pool *credential.Pool
	// Pace remembers who has called how often of late.
	Pace *pace.Limiter
	// Assess asks risk. It keeps its own deadline.
	Assess Assessor
	// Challenges are proofs of work, which risk makes and redeems.
	Challenges Challenges
	// Breaches are the sources of breached passwords.
	Breaches Breaches
	// Mails seals a mail's content to notify.
	Mails Sealer
	// Keyring are the signing keys in force.
	Keyring func() *token.Keyring
	// Secrets are the keys that identifiers, codes, tokens and refresh chains hang on.
	Secrets Secrets
	// Lists are who may sign up, and Refusals keep account of who mayn't.
	Lists    *Lists
	Refusals *Refusals
	Now      func() time.Time
	Logger   *slog.Logger
	Metrics  *Metrics
}

// Secrets are derived from authn's key file, one per purpose, so that no two purposes mix.
type Secrets struct {
	Identifiers, Codes, Contain, Refresh secret.Key
}

// DeriveSecrets makes them from the key in the file.
func DeriveSecrets(master secret.Key) Secrets {
	return Secrets{
		Identifiers: master.Derive("authn/identifiers"),
		Codes:       master.Derive("authn/codes"),
		Contain:     master.Derive("authn/contain"),
		Refresh:     master.Derive("authn/refresh"),
	}
}

// AccountKey is an identifier as counters and events know it: the same for those that belong to nobody.
func (s Secrets) AccountKey(canonical string) [32]byte {
	return s.Identifiers.MAC("authn/account-key/v1", []byte(canonical))
}

// lockoutKey is where an identifier's failures with an authenticator are kept.
func (s Secrets) lockoutKey(canonical string, authenticator attempt.Factor) [32]byte {
	return s.Identifiers.MAC("authn/lockout/v1", []byte(authenticator), []byte(canonical))
}

// budgetKey is where an identifier's budget for a use is kept.
func (s Secrets) budgetKey(canonical, use string) [32]byte {
	return s.Identifiers.MAC("authn/budget/v1", []byte(use), []byte(canonical))
}

// Assessor asks risk about an attempt.
type Assessor func(context.Context, Question) (Judgement, error)

// Breaches asks the sources of a mode. It keeps its own deadlines.
type Breaches interface {
	// Check says whether a password is known from a breach.
	Check(ctx context.Context, m breach.Mode, password secret.Text) breach.Result
	// Ready says why a check couldn't tell just now; nil when it can. It asks nobody outside about the password.
	Ready(ctx context.Context, m breach.Mode, password secret.Text) error
}

// Question is what risk is asked.
type Question struct {
	Purpose     attempt.Purpose
	AttemptID   string
	UserID      string
	AccountKey  [32]byte
	IP          string
	UserAgent   string
	KnownDevice bool
}

// Gate is what must happen before any hash is spent, whoever the account is.
type Gate int

// The gates. The zero value lets nobody through.
const (
	GateBlock Gate = iota
	GateChallenge
	GateOpen
)

// Judgement is risk's answer.
type Judgement struct {
	Gate       Gate
	Assessment attempt.Assessment
}

// Sealer seals a mail's content to notify's key.
type Sealer func(seal.AAD, []byte) (seal.Envelope, error)

// Client is on whose behalf an application calls.
type Client struct {
	IP, UserAgent, Language string
	DeviceSecret            secret.Text
	// Solution is of the challenge that the call before was refused for. It isn't kept.
	Solution secret.Text
}

// deviceDigest is the digest of the presented device secret, zero when there is none.
func (c Client) deviceDigest() secret.Digest {
	if c.DeviceSecret.IsZero() {
		return secret.Digest{}
	}
	return secret.Hash(c.DeviceSecret)
}

// binding is what an attempt that this client begins is tied to.
func (c Client) binding(applicationID string) attempt.Binding {
	return attempt.Binding{
		ApplicationID: applicationID,
		Device:        c.deviceDigest(),
		UserAgent:     secret.Hash(secret.Wrap(c.UserAgent)),
	}
}

func (c Client) origin() attempt.Origin {
	return attempt.Origin{IP: c.IP, UserAgent: c.UserAgent, Language: c.Language}
}
