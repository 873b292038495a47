package tuning

import (
	"fmt"
	"time"

	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/timespan"
	"github.com/doorward/doorward/services/authn/internal/lockout"
	"github.com/doorward/doorward/services/authn/internal/quota"
)

// Warning is what an operator should know of a policy that may be put in force: it may not be what they mean.
type Warning struct {
	Kind WarningKind
	// Text says it in a sentence, and names the settings.
	Text string
}

// WarningKind is what a warning is about.
type WarningKind string

// The kinds of warnings.
const (
	// EnumerationBulk: the truth about accounts is told.
	EnumerationBulk WarningKind = "enumeration_bulk"
	// Misfit: settings that are each in their range do something together that none of them says.
	Misfit WarningKind = "misfit"
	// UnusedSetting: a setting does nothing beside another.
	UnusedSetting WarningKind = "unused_setting"
)

// Warnings are those that the settings by themselves give reason for. The defaults have none.
func (p Policy) Warnings() []Warning {
	var all []Warning
	for _, look := range []struct {
		kind WarningKind
		at   func(Policy) string // empty where there is nothing to say
	}{
		{EnumerationBulk, discloses},
		{Misfit, knownWaitLonger},
		{Misfit, waitsNeverCome},
		{Misfit, lockOutlastsDecay},
		{Misfit, waitsOutlastDecay},
		{UnusedSetting, failuresNeverChallenged},
		{Misfit, gateUnheard},
		{Misfit, workBeyondSDK},
		{UnusedSetting, hourBeyondDay},
		{UnusedSetting, hourBeyondInterval},
		{UnusedSetting, dayBeyondInterval},
		{Misfit, codeGap},
		{Misfit, codeOutlastsAttempt},
		{Misfit, networkCodesBelowAddress},
		{UnusedSetting, networkCodesBeyondSite},
		{Misfit, networkStartsBelowPerson},
		{Misfit, networkAnswersBelowPerson},
		{Misfit, sessionOutlastsTrust},
		{Misfit, noPasswordIsTooCommon},
		{UnusedSetting, contextWordsUnweighed},
		{UnusedSetting, nothingFailsAtSignIn},
		{UnusedSetting, nothingEndsSessions},
		{Misfit, learningOutlastsDecay},
	} {
		if text := look.at(p); text != "" {
			all = append(all, Warning{look.kind, text})
		}
	}
	return all
}

func said(when bool, format string, args ...any) string {
	if !when {
		return ""
	}
	for i, arg := range args {
		if d, ok := arg.(time.Duration); ok {
			args[i] = timespan.Text(d)
		}
	}
	return fmt.Sprintf(format, args...)
}

func discloses(p Policy) string {
	return said(p.EnumerationMode.Discloses(),
		"anybody can find out whether an address has an account: enumeration_mode is bulk, and rate limits alone slow it down: "+
			"a network may ask %d times in 10 s (rate_network_starts)", p.RateNetworkStarts)
}

// knownWaitLonger: the lock is the longest wait of strangers, and bounds no wait of known devices.
func knownWaitLonger(p Policy) string {
	longest := p.Lockout().Longest(lockout.Known)
	return said(p.LockoutDuration > 0 && longest > p.LockoutDuration,
		"owners on known devices wait longer after their failures than strangers do: up to %s, from a lockout_first_wait of %s, and strangers for a lockout_duration of %s at most",
		longest, p.LockoutFirstWait, p.LockoutDuration)
}

func waitsNeverCome(p Policy) string {
	return said(p.LockoutWaitFrom >= p.LockoutFailures,
		"strangers are locked out without a wait before: lockout_wait_from is %d, and lockout_failures %d", p.LockoutWaitFrom, p.LockoutFailures)
}

func lockOutlastsDecay(p Policy) string {
	return said(p.LockoutDuration >= p.LockoutDecay,
		"each lock is followed by %d tries (lockout_failures) and not by one: lockout_duration is %s, and after a lockout_decay of %s the waits begin anew",
		p.LockoutFailures, p.LockoutDuration, p.LockoutDecay)
}

// waitsOutlastDecay looks at known devices, whose waits no lock bounds.
func waitsOutlastDecay(p Policy) string {
	longest := p.Lockout().Longest(lockout.Known)
	return said(longest >= p.LockoutDecay,
		"waits never get as long as %s, to which a lockout_first_wait of %s doubles: after a lockout_decay of %s they begin anew",
		longest, p.LockoutFirstWait, p.LockoutDecay)
}

func failuresNeverChallenged(p Policy) string {
	ends := p.LockoutDuration == 0 || p.LockoutDuration >= p.LockoutDecay
	return said(p.ChallengeAfterFailures >= p.LockoutFailures && ends,
		"challenge_after_failures does nothing: it is %d, and strangers' failures in a row come to an end, or begin anew, at lockout_failures, %d",
		p.ChallengeAfterFailures, p.LockoutFailures)
}

func gateUnheard(p Policy) string {
	return said(p.ChallengeSignUp == ChallengeOff,
		"no sign-up is asked for a proof of work, not even where risk's gate demands one of its network: challenge_sign_up is off; when_raised asks there")
}

// sdkWork is the hardest challenge that the SDK's client solves by itself unless it is told otherwise.
const sdkWork = 1_000_000

func workBeyondSDK(p Policy) string {
	return said(p.ChallengeDifficulty > sdkWork,
		"applications that solve challenges by themselves give up: challenge_difficulty is %d, and the SDK's client solves up to %d unless it is told otherwise",
		p.ChallengeDifficulty, sdkWork)
}

func hourBeyondDay(p Policy) string {
	return said(p.CodesPerHour >= p.CodesPerDay,
		"codes_per_hour does nothing, and nobody is challenged before a day's codes are gone: it is %d, and codes_per_day %d", p.CodesPerHour, p.CodesPerDay)
}

func hourBeyondInterval(p Policy) string {
	return beyondInterval(p, "codes_per_hour", p.CodesPerHour, time.Hour)
}

func dayBeyondInterval(p Policy) string {
	return beyondInterval(p, "codes_per_day", p.CodesPerDay, 24*time.Hour)
}

// beyondInterval: the interval alone lets no more through than a budget has.
func beyondInterval(p Policy, setting string, budget int, of time.Duration) string {
	return said(p.CodeInterval*time.Duration(budget) >= of,
		"%s does nothing: it is %d, and no more go out in %s with a code_interval of %s", setting, budget, of, p.CodeInterval)
}

func codeGap(p Policy) string {
	return said(p.CodeInterval > p.CodeLifetime,
		"a code is good no more before another may be sent: code_lifetime is %s, and code_interval %s", p.CodeLifetime, p.CodeInterval)
}

func codeOutlastsAttempt(p Policy) string {
	return said(p.CodeLifetime > p.AttemptLifetime,
		"a code is good for nothing before its time is over, because its attempt ended: attempt_lifetime is %s, and code_lifetime %s", p.AttemptLifetime, p.CodeLifetime)
}

func networkCodesBelowAddress(p Policy) string {
	return said(p.CodesPerNetworkDay < p.CodesPerDay,
		"one address can use up its whole network's codes: codes_per_network_day is %d, and codes_per_day %d", p.CodesPerNetworkDay, p.CodesPerDay)
}

// networkCodesBeyondSite: a network is part of a site, whose hours have a share of the deployment's.
func networkCodesBeyondSite(p Policy) string {
	const hours = 24
	most := hours * p.Codes().Of(quota.Site).Uses
	return said(p.CodesPerNetworkDay > most,
		"codes_per_network_day does nothing: it is %d, and of a codes_per_deployment_hour of %d no more than %d a day are for a /48 of IPv6 or a /24 of IPv4",
		p.CodesPerNetworkDay, p.CodesPerDeploymentHour, most)
}

func networkStartsBelowPerson(p Policy) string {
	return belowPerson("starts", p.RateNetworkStarts, p.RateIdentifierStarts, p.RateDeviceStarts)
}

func networkAnswersBelowPerson(p Policy) string {
	return belowPerson("answers", p.RateNetworkAnswers, p.RateIdentifierAnswers, p.RateDeviceAnswers)
}

func belowPerson(what string, network, identifier, device int) string {
	return said(network < max(identifier, device),
		"one person can use up what everybody in their network has: rate_network_%[1]s is %[2]d, rate_identifier_%[1]s %[3]d and rate_device_%[1]s %[4]d",
		what, network, identifier, device)
}

func sessionOutlastsTrust(p Policy) string {
	return said(p.DeviceTrustLifetime <= p.SessionLifetime,
		"who signs in again when a session has ended does so on a device that isn't known any more, with a code and an alert: device_trust_lifetime is %s, and session_lifetime %s",
		p.DeviceTrustLifetime, p.SessionLifetime)
}

func noPasswordIsTooCommon(p Policy) string {
	return said(p.BreachMode == breach.Off && p.PasswordMinScore == 0,
		"the passwords that most people use are taken: breach_mode is off, and password_min_score 0")
}

func contextWordsUnweighed(p Policy) string {
	return said(len(p.PasswordContextWords) > 0 && p.PasswordMinScore == 0,
		"password_context_words do nothing: no password is weighed while password_min_score is 0")
}

// nothingFailsAtSignIn says nothing of new passwords, for whom the default is the same and does no harm.
func nothingFailsAtSignIn(p Policy) string {
	switch {
	case !p.BreachUnknownRefusesSignIn:
		return ""
	case !p.BreachAtSignIn:
		return "breach_unknown_refuses_sign_in does nothing: breach_at_sign_in is false"
	}
	return said(!p.BreachMode.CanFail(), "breach_unknown_refuses_sign_in does nothing: no source of breach_mode %s can fail", p.BreachMode)
}

func nothingEndsSessions(p Policy) string {
	switch {
	case !p.BreachEndsSessions:
		return ""
	case p.BreachMode == breach.Off:
		return "breach_ends_sessions does nothing: breach_mode is off"
	}
	return said(!p.BreachAtSignIn, "breach_ends_sessions does nothing: breach_at_sign_in is false")
}

// learningOutlastsDecay: a failure is forgotten after the decay time, and a guess that nothing is remembered of may be learned from. NIST SP 800-63B-4 §3.2.2
// allows 100 failures.
func learningOutlastsDecay(p Policy) string {
	const most = 100
	guesses := p.LearningWindowMax / max(p.LockoutDecay, 1)
	return said(guesses > most,
		"somebody patient may guess at an imported account's password %d times, each time with no failure remembered: learning_window_max is %s, and lockout_decay %s",
		int64(guesses), p.LearningWindowMax, p.LockoutDecay)
}
