package challenge

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	altcha "github.com/altcha-org/altcha-lib-go"

	"github.com/doorward/doorward/internal/secret"
)

// Purpose is what a challenge is asked for. A solution is good for its own purpose alone.
type Purpose string

// The purposes.
const (
	SignUp Purpose = "sign_up"
	SignIn Purpose = "sign_in"
	Code   Purpose = "code"
)

// Purposes are all of them.
func Purposes() []Purpose { return []Purpose{SignUp, SignIn, Code} }

// Difficulties, in hashes at most; a browser needs half as many on average.
const (
	MinDifficulty     = 1_000
	DefaultDifficulty = 50_000
	MaxDifficulty     = 10_000_000
)

// Why a solution isn't taken.
var (
	// ErrUnsolved: it isn't the solution of a challenge that we made.
	ErrUnsolved = errors.New("challenge: not a solution of a challenge of ours")
	// ErrElsewhere: it is, of one for another purpose.
	ErrElsewhere = errors.New("challenge: made for another purpose")
	// ErrEasy: it took less work than is due by now. It isn't used up.
	ErrEasy = errors.New("challenge: easier than what is due")
	// ErrExpired: it came too late.
	ErrExpired = errors.New("challenge: expired")
	// ErrSpent: it was redeemed before.
	ErrSpent = errors.New("challenge: redeemed before")
	// ErrFull: too many are remembered as redeemed; none can be taken for now.
	ErrFull = errors.New("challenge: too many were redeemed of late")
)

const (
	algorithm = altcha.SHA256
	saltBytes = 16
	// maxSolution is larger than any solution of ours, in bytes of base64.
	maxSolution = 1024
	// The salt's parameters.
	purposeParam, expiresParam, tryParam, workParam = "purpose", "expires", "try", "work"
)

// Challenge is what a browser is given, and until when it may be worked at.
type Challenge struct {
	altcha.Challenge

	ExpiresAt time.Time
}

// Issuer makes challenges and redeems their solutions. It is safe for concurrent use and starts no goroutine.
type Issuer struct {
	key      string
	lifetime time.Duration
	now      func() time.Time
	spent    *spent
}

// Config makes an Issuer. All fields are required.
type Config struct {
	Key secret.Key
	// Lifetime is how long a challenge may be worked at.
	Lifetime time.Duration
	// MaxSpent is how many redeemed solutions are remembered, of about 40 bytes each.
	MaxSpent int
	Now      func() time.Time
}

// New refuses a config that lacks something.
func New(c Config) (*Issuer, error) {
	if c.Key.IsZero() || c.Lifetime <= 0 || c.MaxSpent <= 0 || c.Now == nil {
		return nil, errors.New("challenge: a key, a lifetime, a bound and a clock are needed")
	}
	mac := c.Key.MAC("risk/challenge/v1")
	return &Issuer{key: hex.EncodeToString(mac[:]), lifetime: c.Lifetime, now: c.Now, spent: newSpent(c.MaxSpent)}, nil
}

// Issue makes a challenge. A difficulty out of its bounds is brought into them. try is what is sent away to solve it, for whoever redeems it; empty for
// nothing.
func (i *Issuer) Issue(purpose Purpose, difficulty int64, try string) (Challenge, error) {
	expires := i.now().Add(i.lifetime).Truncate(time.Second) // as the salt says it
	difficulty = min(max(difficulty, MinDifficulty), MaxDifficulty)
	params := url.Values{purposeParam: {string(purpose)}, workParam: {strconv.FormatInt(difficulty, 10)}}
	if try != "" {
		params.Set(tryParam, try)
	}
	made, err := altcha.CreateChallenge(altcha.ChallengeOptions{
		Algorithm:  algorithm,
		MaxNumber:  difficulty,
		SaltLength: saltBytes,
		HMACKey:    i.key,
		Expires:    &expires,
		Params:     params,
	})
	if err != nil {
		return Challenge{}, fmt.Errorf("challenge: make one: %w", err)
	}
	return Challenge{Challenge: made, ExpiresAt: expires}, nil
}

// Remembered is how many redeemed solutions are remembered.
func (i *Issuer) Remembered() int { return i.spent.size() }

// Redeem takes a solution, as the protocol's widget gives it: once, in time, for its purpose, and of a challenge with at least so much difficulty. It returns
// the try that was sent away to solve it.
func (i *Issuer) Redeem(purpose Purpose, least int64, solution string) (try string, err error) {
	payload, err := parse(solution)
	if err != nil {
		return "", err
	}
	// The library's own check of the expiry goes by another clock.
	if ok, err := altcha.VerifySolutionSafe(payload, i.key, false); err != nil || !ok {
		return "", ErrUnsolved
	}
	// From here on the salt is known to be ours, and so what it says.
	salt, err := readSalt(payload.Salt)
	switch {
	case err != nil:
		return "", err
	case salt.purpose != purpose:
		return "", ErrElsewhere
	case !i.now().Before(salt.expires):
		return "", ErrExpired
	case salt.work < least:
		return "", ErrEasy
	}
	if err := i.spent.spend(payload.Signature, salt.expires, i.now()); err != nil {
		return "", err
	}
	return salt.try, nil
}

// parse reads exactly the fields that a solution has.
func parse(solution string) (altcha.Payload, error) {
	if len(solution) > maxSolution {
		return altcha.Payload{}, ErrUnsolved
	}
	text, err := base64.StdEncoding.DecodeString(solution)
	if err != nil {
		return altcha.Payload{}, ErrUnsolved
	}
	var p altcha.Payload
	if err := json.Unmarshal(text, &p); err != nil {
		return altcha.Payload{}, ErrUnsolved
	}
	if p.Algorithm != string(algorithm) || p.Number < 0 || p.Number > MaxDifficulty {
		return altcha.Payload{}, ErrUnsolved
	}
	return p, nil
}

// salt is what Issue puts into one.
type salt struct {
	purpose Purpose
	expires time.Time
	work    int64
	try     string
}

// readSalt finds it: random?expires=…&purpose=…&try=…&work=…&
func readSalt(text string) (salt, error) {
	_, query, _ := strings.Cut(text, "?")
	params, err := url.ParseQuery(strings.TrimSuffix(query, "&"))
	if err != nil {
		return salt{}, ErrUnsolved
	}
	seconds, errSeconds := strconv.ParseInt(params.Get(expiresParam), 10, 64)
	work, errWork := strconv.ParseInt(params.Get(workParam), 10, 64)
	if errSeconds != nil || errWork != nil {
		return salt{}, ErrUnsolved
	}
	return salt{purpose: Purpose(params.Get(purposeParam)), expires: time.Unix(seconds, 0), work: work, try: params.Get(tryParam)}, nil
}
