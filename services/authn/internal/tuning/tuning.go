// Package tuning is authn's policy: what an operator may tune at run time, with defaults that are safe and rules that a change must keep.
//
// It holds values and nothing else. It is stored, versioned and read through internal/policy; every use case reads it once, at its start.
package tuning

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/timespan"
	"github.com/doorward/doorward/services/authn/internal/lockout"
	"github.com/doorward/doorward/services/authn/internal/quota"
	"github.com/doorward/doorward/services/authn/internal/restriction"
)

// MaxSessionTokenLifetime is the longest that a session token may live, and so the least that a revocation must be kept.
const MaxSessionTokenLifetime = 10 * time.Minute

// Policy is authn's policy.
type Policy struct {
	// SessionTokenLifetime is how long a session token lives. 30 s to 10 min.
	SessionTokenLifetime time.Duration `json:"session_token_lifetime"`
	// SessionLifetime is when a session ends whatever happens. 5 min to 30 d, the most that NIST SP 800-63B-4 §2.1.3 advises.
	SessionLifetime time.Duration `json:"session_lifetime"`
	// RefreshGrace is for how long a used refresh token still gets its successor. 0 to 60 s.
	RefreshGrace time.Duration `json:"refresh_grace"`
	// DeviceTrustLifetime is for how long a device stays known after its last sign-in. 1 h to 400 d.
	DeviceTrustLifetime time.Duration `json:"device_trust_lifetime"`
	// DeviceSecretGrace is for how long a device's previous secret stays good. 0 to 10 min.
	DeviceSecretGrace time.Duration `json:"device_secret_grace"`
	// AttemptLifetime is how long an attempt may take. 1 to 60 min.
	AttemptLifetime time.Duration `json:"attempt_lifetime"`
	// AttemptAnswers is how many wrong answers end an attempt. 1 to 20.
	AttemptAnswers int `json:"attempt_answers"`
	// AttemptsPerIdentifier is how many unfinished attempts strangers may have for an identifier, and how many there may be that come from a device of the
	// owner's or have proved something; one more ends the oldest of its kind. 1 to 100.
	AttemptsPerIdentifier int `json:"attempts_per_identifier"`
	// EnumerationMode is what somebody who has proved nothing is told of whether there is an account: strict or bulk.
	EnumerationMode EnumerationMode `json:"enumeration_mode"`
	// CodeLifetime is how long a mailed code is good. 1 to 10 min, the most that NIST SP 800-63B-4 §3.1.3 allows.
	CodeLifetime time.Duration `json:"code_lifetime"`
	// CodeInterval is the least time between two codes to one address. 0 to 10 min. Package quota says what these five count.
	CodeInterval time.Duration `json:"code_interval"`
	// CodesPerHour is how many codes an address is sent in an hour before strangers must solve a challenge for each. 3 to 60.
	CodesPerHour int `json:"codes_per_hour"`
	// CodesPerDay is how many codes an address is sent in a day. 5 to 200.
	CodesPerDay int `json:"codes_per_day"`
	// CodesPerNetworkDay is how many codes strangers in one network, which is one address or one /64 of IPv6, may have sent in a day. 10 to 1000000.
	CodesPerNetworkDay int `json:"codes_per_network_day"`
	// CodesPerDeploymentHour is how many all strangers together may have sent in an hour; past half of it each costs them a challenge, and wider networks have
	// a share of it. 100 to 1000000.
	CodesPerDeploymentHour int `json:"codes_per_deployment_hour"`
	// LockoutWaitFrom is the failure in a row that costs the first wait. 3 to 20.
	LockoutWaitFrom int `json:"lockout_wait_from"`
	// LockoutFirstWait is that wait; it doubles with each further failure. 10 s to 1 h.
	LockoutFirstWait time.Duration `json:"lockout_first_wait"`
	// LockoutFailures is the failure in a row from which each locks unknown devices out. 5 to 90 (NIST SP 800-63B-4 §3.2.2 allows 100 in all).
	LockoutFailures int `json:"lockout_failures"`
	// LockoutDuration is for how long. 1 min to 30 d; 0 is until the owner signs in on a known device, or an operator unlocks.
	LockoutDuration time.Duration `json:"lockout_duration"`
	// LockoutDecay is how long after the last failure the waits begin anew. 1 h to 30 d.
	LockoutDecay time.Duration `json:"lockout_decay"`
	// RateIdentifierStarts is how many sign-ups, and how many sign-ins, may be begun for an identifier in 10 s, on devices that aren't known for it. 1 to 1000.
	RateIdentifierStarts int `json:"rate_identifier_starts"`
	// RateIdentifierAnswers is how many answers may be given for an identifier in 10 s, on such devices. 1 to 1000.
	RateIdentifierAnswers int `json:"rate_identifier_answers"`
	// RateDeviceStarts is how many sign-ins may be begun on a known device in 10 s. 1 to 1000.
	RateDeviceStarts int `json:"rate_device_starts"`
	// RateDeviceAnswers is how many answers may be given on a known device in 10 s. 1 to 1000.
	RateDeviceAnswers int `json:"rate_device_answers"`
	// RateNetworkStarts is how many sign-ups, and how many sign-ins, may be begun from one address in 10 s, or from one /64 of IPv6. 1 to 100000.
	RateNetworkStarts int `json:"rate_network_starts"`
	// RateNetworkAnswers is how many answers may be given from there in 10 s. 1 to 100000.
	RateNetworkAnswers int `json:"rate_network_answers"`
	// PasswordMinLength is the least length of a new password in code points. 8 to 64; 15 is NIST SP 800-63B-4 §3.1.1.2's for a
	// password that is the only factor.
	PasswordMinLength int `json:"password_min_length"`
	// PasswordMaxLength is the most, in code points. 64 to 256; NIST asks for 64 at least.
	PasswordMaxLength int `json:"password_max_length"`
	// PasswordMinScore is the least strength of a new password, on zxcvbn's scale. 0 to 4; its authors call 3 safely unguessable
	// where passwords are hashed slowly. 0 takes any.
	PasswordMinScore int `json:"password_min_score"`
	// PasswordNeedsLower, Upper, Digit and Symbol ask for a character of the kind. Off: NIST forbids such rules.
	PasswordNeedsLower  bool `json:"password_needs_lower"`
	PasswordNeedsUpper  bool `json:"password_needs_upper"`
	PasswordNeedsDigit  bool `json:"password_needs_digit"`
	PasswordNeedsSymbol bool `json:"password_needs_symbol"`
	// PasswordContextWords are the operator's own: names of the company, the product, the place. A password made of them is weak.
	// At most 100, of 3 to 64 code points.
	PasswordContextWords []string `json:"password_context_words"`
	// BreachMode is which sources of breached passwords are asked: off, list, corpus, range or corpus_confirmed_by_range.
	BreachMode breach.Mode `json:"breach_mode"`
	// BreachAtSignIn says whether a password that signs in is looked up too.
	BreachAtSignIn bool `json:"breach_at_sign_in"`
	// BreachUnknownRefusesNew and BreachUnknownRefusesSignIn say what happens when a source failed.
	BreachUnknownRefusesNew    bool `json:"breach_unknown_refuses_new"`
	BreachUnknownRefusesSignIn bool `json:"breach_unknown_refuses_sign_in"`
	// BreachEndsSessions says whether a breached password that signs in ends the account's other sessions before it is replaced. Off: whoever
	// tries breached passwords would sign owners out everywhere, without a second check. Once it is replaced they end in any case.
	BreachEndsSessions bool `json:"breach_ends_sessions"`
	// RestrictionAccessMode is who may sign up at all: open or invitation_only.
	RestrictionAccessMode restriction.AccessMode `json:"restriction_access_mode"`
	// RestrictionAllowlist is what the list allow is used for: off, exceptions or required.
	RestrictionAllowlist restriction.AllowlistUse `json:"restriction_allowlist"`
	// RestrictionBlocklist says whether the list block refuses.
	RestrictionBlocklist bool `json:"restriction_blocklist"`
	// RestrictionDisposable is whether addresses at disposable domains may sign up: allow or refuse.
	RestrictionDisposable restriction.Choice `json:"restriction_disposable"`
	// RestrictionSubaddresses is whether addresses with a tag may: allow, one_per_mailbox or refuse.
	RestrictionSubaddresses restriction.Choice `json:"restriction_subaddresses"`
	// RestrictionSeparators begin a tag where nothing else is known: some of +=#-, each once.
	RestrictionSeparators string `json:"restriction_separators"`
	// RestrictionProviders say what does at single domains, each as "example.com:+-". 0 to 100.
	RestrictionProviders []string `json:"restriction_providers"`
	// InvitationLifetime is how long an invitation is good. 1 h to 365 d; one that was made stays as it is.
	InvitationLifetime time.Duration `json:"invitation_lifetime"`
	// InvitationURL is the page where the token of an invitation is entered, which the mail shows beside it: https, or http on this machine, at
	// most 300 bytes. Empty shows none. The token itself is never part of it.
	InvitationURL string `json:"invitation_url"`
	// ChallengeSignUp is when a sign-up is asked for a proof of work: always, when_raised or off.
	ChallengeSignUp SignUpChallenge `json:"challenge_sign_up"`
	// ChallengeDifficulty is how hard one is, in hashes at most; half of it on average. 1000 to 10000000.
	ChallengeDifficulty int `json:"challenge_difficulty"`
	// ChallengeAfterFailures is after how many failures in a row each further answer from an unknown device costs one. 1 to 90; 0 is never.
	ChallengeAfterFailures int `json:"challenge_after_failures"`
	// ChallengeUnderLoad says whether strangers are asked for one while they take more than half of their places in the hash pool.
	ChallengeUnderLoad bool `json:"challenge_under_load"`
	// LearningWindowMax is the most that a learning window of imported accounts may have, from their import on. 0 to 90 d; 0 turns all off.
	LearningWindowMax time.Duration `json:"learning_window_max"`
}

// The bounds of PasswordContextWords.
const (
	maxContextWords                      = 100
	minContextWordLen, maxContextWordLen = 3, 64
)

// Default is the policy of a new deployment.
func Default() Policy {
	return Policy{
		SessionTokenLifetime:       time.Minute,
		SessionLifetime:            7 * 24 * time.Hour,
		RefreshGrace:               10 * time.Second,
		DeviceTrustLifetime:        90 * 24 * time.Hour,
		DeviceSecretGrace:          time.Minute,
		AttemptLifetime:            15 * time.Minute,
		AttemptAnswers:             5,
		AttemptsPerIdentifier:      20,
		EnumerationMode:            Strict,
		CodeLifetime:               10 * time.Minute,
		CodeInterval:               30 * time.Second,
		CodesPerHour:               10,
		CodesPerDay:                20,
		CodesPerNetworkDay:         300,
		CodesPerDeploymentHour:     5000,
		LockoutWaitFrom:            5,
		LockoutFirstWait:           time.Minute,
		LockoutFailures:            10,
		LockoutDuration:            time.Hour,
		LockoutDecay:               24 * time.Hour,
		RateIdentifierStarts:       5,
		RateIdentifierAnswers:      3,
		RateDeviceStarts:           10,
		RateDeviceAnswers:          10,
		RateNetworkStarts:          100,
		RateNetworkAnswers:         200,
		PasswordMinLength:          15,
		PasswordMaxLength:          256,
		PasswordMinScore:           3,
		BreachMode:                 breach.ListOnly,
		BreachAtSignIn:             true,
		BreachUnknownRefusesNew:    breach.DefaultOnFailure(breach.AtSet) == breach.Closed,
		BreachUnknownRefusesSignIn: breach.DefaultOnFailure(breach.AtSignIn) == breach.Closed,

		RestrictionAccessMode:   restriction.Default().AccessMode,
		RestrictionAllowlist:    restriction.Default().Allowlist,
		RestrictionBlocklist:    restriction.Default().Blocklist,
		RestrictionDisposable:   restriction.Default().Disposable,
		RestrictionSubaddresses: restriction.Default().Subaddresses,
		RestrictionSeparators:   restriction.Default().Separators,

		InvitationLifetime: 30 * 24 * time.Hour,

		ChallengeSignUp:        ChallengeAlways,
		ChallengeAfterFailures: 5,
		ChallengeUnderLoad:     true,
		ChallengeDifficulty:    defaultDifficulty,

		LearningWindowMax: 14 * 24 * time.Hour,
	}
}

// Validate reports every value that is out of its range, all at once: a joined error of *Fault.
func (p Policy) Validate() error {
	return errors.Join(
		span("session_token_lifetime", p.SessionTokenLifetime, 30*time.Second, MaxSessionTokenLifetime),
		span("session_lifetime", p.SessionLifetime, 5*time.Minute, 30*24*time.Hour),
		span("refresh_grace", p.RefreshGrace, 0, time.Minute),
		span("device_trust_lifetime", p.DeviceTrustLifetime, time.Hour, 400*24*time.Hour),
		span("device_secret_grace", p.DeviceSecretGrace, 0, 10*time.Minute),
		span("attempt_lifetime", p.AttemptLifetime, time.Minute, time.Hour),
		span("attempt_answers", p.AttemptAnswers, 1, 20),
		span("attempts_per_identifier", p.AttemptsPerIdentifier, 1, 100),
		oneOf("enumeration_mode", p.EnumerationMode, Strict, Bulk),
		span("code_lifetime", p.CodeLifetime, time.Minute, 10*time.Minute),
		span("code_interval", p.CodeInterval, 0, 10*time.Minute),
		span("codes_per_hour", p.CodesPerHour, 3, 60),
		span("codes_per_day", p.CodesPerDay, 5, 200),
		span("codes_per_network_day", p.CodesPerNetworkDay, 10, 1_000_000),
		span("codes_per_deployment_hour", p.CodesPerDeploymentHour, 100, 1_000_000),
		span("lockout_wait_from", p.LockoutWaitFrom, 3, 20),
		span("lockout_first_wait", p.LockoutFirstWait, 10*time.Second, time.Hour),
		span("lockout_failures", p.LockoutFailures, 5, 90),
		spanOrZero("lockout_duration", p.LockoutDuration, time.Minute, 30*24*time.Hour),
		span("lockout_decay", p.LockoutDecay, time.Hour, 30*24*time.Hour),
		span("rate_identifier_starts", p.RateIdentifierStarts, 1, 1000),
		span("rate_identifier_answers", p.RateIdentifierAnswers, 1, 1000),
		span("rate_device_starts", p.RateDeviceStarts, 1, 1000),
		span("rate_device_answers", p.RateDeviceAnswers, 1, 1000),
		span("rate_network_starts", p.RateNetworkStarts, 1, 100000),
		span("rate_network_answers", p.RateNetworkAnswers, 1, 100000),
		span("password_min_length", p.PasswordMinLength, 8, 64),
		span("password_max_length", p.PasswordMaxLength, 64, 256),
		span("password_min_score", p.PasswordMinScore, 0, 4),
		contextWords(p.PasswordContextWords),
		oneOf("breach_mode", p.BreachMode, breach.Off, breach.ListOnly, breach.CorpusOnly, breach.RangeOnly, breach.CorpusConfirmed),
		p.restrictionFaults(),
		span("invitation_lifetime", p.InvitationLifetime, time.Hour, 365*24*time.Hour),
		webPage("invitation_url", p.InvitationURL),
		p.challengeFaults(),
		span("learning_window_max", p.LearningWindowMax, 0, 90*24*time.Hour),
	)
}

// Fault is a value that breaks its rule.
type Fault struct {
	// Field is its name in a policy file.
	Field string
	// Value is what was asked for.
	Value string
	// Rule is what would be taken.
	Rule string
}

func (f *Fault) Error() string { return f.Field + " is " + f.Value + ": " + f.Rule }

// Lockout are the rules of package lockout.
func (p Policy) Lockout() lockout.Rules {
	return lockout.Rules{
		WaitFrom:  p.LockoutWaitFrom,
		FirstWait: p.LockoutFirstWait,
		LockAt:    p.LockoutFailures,
		Lock:      p.LockoutDuration,
		Decay:     p.LockoutDecay,
	}
}

// Codes are the rules of package quota.
func (p Policy) Codes() quota.Rules {
	return quota.Rules{
		Interval: p.CodeInterval, PerHour: p.CodesPerHour, PerDay: p.CodesPerDay,
		PerNetworkDay: p.CodesPerNetworkDay, PerDeploymentHour: p.CodesPerDeploymentHour,
	}
}

func spanOrZero(name string, value, least, most time.Duration) error {
	if value == 0 {
		return nil
	}
	return span(name, value, least, most)
}

func span[T int | time.Duration](name string, value, least, most T) error {
	if value < least || value > most {
		return &Fault{Field: name, Value: written(value), Rule: "must be from " + written(least) + " to " + written(most)}
	}
	return nil
}

// written is a value as a policy file has it.
func written[T int | time.Duration](value T) string {
	if d, ok := any(value).(time.Duration); ok {
		return timespan.Text(d)
	}
	return fmt.Sprint(value)
}

func contextWords(words []string) error {
	const field = "password_context_words"
	if len(words) > maxContextWords {
		return &Fault{Field: field, Value: fmt.Sprintf("a list of %d", len(words)), Rule: fmt.Sprintf("must have at most %d words", maxContextWords)}
	}
	for i, word := range words {
		if n := utf8.RuneCountInString(word); !utf8.ValidString(word) || n < minContextWordLen || n > maxContextWordLen {
			return &Fault{Field: fmt.Sprintf("%s[%d]", field, i), Value: fmt.Sprintf("%q", word),
				Rule: fmt.Sprintf("must be UTF-8 text of %d to %d characters", minContextWordLen, maxContextWordLen)}
		}
	}
	return nil
}
