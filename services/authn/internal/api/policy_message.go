package api

import (
	"google.golang.org/protobuf/types/known/durationpb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

var (
	enumerationMessage = map[tuning.EnumerationMode]authnv1.EnumerationMode{
		tuning.Strict: authnv1.EnumerationMode_ENUMERATION_MODE_STRICT,
		tuning.Bulk:   authnv1.EnumerationMode_ENUMERATION_MODE_BULK,
	}
	breachModeMessage = map[breach.Mode]authnv1.BreachMode{
		breach.Off:             authnv1.BreachMode_BREACH_MODE_OFF,
		breach.ListOnly:        authnv1.BreachMode_BREACH_MODE_LIST,
		breach.CorpusOnly:      authnv1.BreachMode_BREACH_MODE_CORPUS,
		breach.RangeOnly:       authnv1.BreachMode_BREACH_MODE_RANGE,
		breach.CorpusConfirmed: authnv1.BreachMode_BREACH_MODE_CORPUS_CONFIRMED_BY_RANGE,
	}
	accessModeMessage = map[restriction.AccessMode]authnv1.AccessMode{
		restriction.Open:           authnv1.AccessMode_ACCESS_MODE_OPEN,
		restriction.InvitationOnly: authnv1.AccessMode_ACCESS_MODE_INVITATION_ONLY,
	}
	allowlistMessage = map[restriction.AllowlistUse]authnv1.AllowlistUse{
		restriction.AllowlistOff:        authnv1.AllowlistUse_ALLOWLIST_USE_OFF,
		restriction.AllowlistExceptions: authnv1.AllowlistUse_ALLOWLIST_USE_EXCEPTIONS,
		restriction.AllowlistRequired:   authnv1.AllowlistUse_ALLOWLIST_USE_REQUIRED,
	}
	disposableMessage = map[restriction.Choice]authnv1.DisposableUse{
		restriction.AllowThem:  authnv1.DisposableUse_DISPOSABLE_USE_ALLOW,
		restriction.RefuseThem: authnv1.DisposableUse_DISPOSABLE_USE_REFUSE,
	}
	subaddressMessage = map[restriction.Choice]authnv1.SubaddressUse{
		restriction.AllowThem:     authnv1.SubaddressUse_SUBADDRESS_USE_ALLOW,
		restriction.OnePerMailbox: authnv1.SubaddressUse_SUBADDRESS_USE_ONE_PER_MAILBOX,
		restriction.RefuseThem:    authnv1.SubaddressUse_SUBADDRESS_USE_REFUSE,
	}
	signUpChallengeMessage = map[tuning.SignUpChallenge]authnv1.SignUpChallenge{
		tuning.ChallengeAlways:     authnv1.SignUpChallenge_SIGN_UP_CHALLENGE_ALWAYS,
		tuning.ChallengeWhenRaised: authnv1.SignUpChallenge_SIGN_UP_CHALLENGE_WHEN_RAISED,
		tuning.ChallengeOff:        authnv1.SignUpChallenge_SIGN_UP_CHALLENGE_OFF,
	}
)

// wordOf is the domain's word for a value of the contract. What isn't known is no word, which the policy's rules refuse.
func wordOf[D ~string, M comparable](table map[D]M, m M) D {
	for word, said := range table {
		if said == m {
			return word
		}
	}
	return ""
}

// policyMessage and policyOf are each other's inverse. What the contract can't hold is out of every range, and refused by the policy's rules.

func policyMessage(p *tuning.Policy) *authnv1.Policy {
	return &authnv1.Policy{
		SessionTokenLifetime:   durationpb.New(p.SessionTokenLifetime),
		SessionLifetime:        durationpb.New(p.SessionLifetime),
		RefreshGrace:           durationpb.New(p.RefreshGrace),
		DeviceTrustLifetime:    durationpb.New(p.DeviceTrustLifetime),
		DeviceSecretGrace:      durationpb.New(p.DeviceSecretGrace),
		AttemptLifetime:        durationpb.New(p.AttemptLifetime),
		AttemptAnswers:         int32(p.AttemptAnswers),
		AttemptsPerIdentifier:  int32(p.AttemptsPerIdentifier),
		EnumerationMode:        enumerationMessage[p.EnumerationMode],
		CodeLifetime:           durationpb.New(p.CodeLifetime),
		CodeInterval:           durationpb.New(p.CodeInterval),
		CodesPerHour:           int32(p.CodesPerHour),
		CodesPerDay:            int32(p.CodesPerDay),
		CodesPerNetworkDay:     int32(p.CodesPerNetworkDay),
		CodesPerDeploymentHour: int32(p.CodesPerDeploymentHour),
		LockoutWaitFrom:        int32(p.LockoutWaitFrom),
		LockoutFirstWait:       durationpb.New(p.LockoutFirstWait),
		LockoutFailures:        int32(p.LockoutFailures),
		LockoutDuration:        durationpb.New(p.LockoutDuration),
		LockoutDecay:           durationpb.New(p.LockoutDecay),
		RateIdentifierStarts:   int32(p.RateIdentifierStarts),
		RateIdentifierAnswers:  int32(p.RateIdentifierAnswers),
		RateDeviceStarts:       int32(p.RateDeviceStarts),
		RateDeviceAnswers:      int32(p.RateDeviceAnswers),
		RateNetworkStarts:      int32(p.RateNetworkStarts),
		RateNetworkAnswers:     int32(p.RateNetworkAnswers),
		PasswordMinLength:      int32(p.PasswordMinLength),
		PasswordMaxLength:      int32(p.PasswordMaxLength),
		PasswordMinScore:       int32(p.PasswordMinScore),
		PasswordNeedsLower:     p.PasswordNeedsLower,
		PasswordNeedsUpper:     p.PasswordNeedsUpper,
		PasswordNeedsDigit:     p.PasswordNeedsDigit,
		PasswordNeedsSymbol:    p.PasswordNeedsSymbol,
		PasswordContextWords:   p.PasswordContextWords,

		BreachMode:                 breachModeMessage[p.BreachMode],
		BreachAtSignIn:             p.BreachAtSignIn,
		BreachUnknownRefusesNew:    p.BreachUnknownRefusesNew,
		BreachUnknownRefusesSignIn: p.BreachUnknownRefusesSignIn,
		BreachEndsSessions:         p.BreachEndsSessions,

		RestrictionAccessMode:   accessModeMessage[p.RestrictionAccessMode],
		RestrictionAllowlist:    allowlistMessage[p.RestrictionAllowlist],
		RestrictionBlocklist:    p.RestrictionBlocklist,
		RestrictionDisposable:   disposableMessage[p.RestrictionDisposable],
		RestrictionSubaddresses: subaddressMessage[p.RestrictionSubaddresses],
		RestrictionSeparators:   p.RestrictionSeparators,
		RestrictionProviders:    p.RestrictionProviders,

		InvitationLifetime: durationpb.New(p.InvitationLifetime),
		InvitationUrl:      p.InvitationURL,

		ChallengeSignUp:        signUpChallengeMessage[p.ChallengeSignUp],
		ChallengeDifficulty:    int32(p.ChallengeDifficulty),
		ChallengeAfterFailures: int32(p.ChallengeAfterFailures),
		ChallengeUnderLoad:     p.ChallengeUnderLoad,

		LearningWindowMax: durationpb.New(p.LearningWindowMax),
	}
}

func policyOf(m *authnv1.Policy) tuning.Policy {
	return tuning.Policy{
		SessionTokenLifetime:   m.GetSessionTokenLifetime().AsDuration(),
		SessionLifetime:        m.GetSessionLifetime().AsDuration(),
		RefreshGrace:           m.GetRefreshGrace().AsDuration(),
		DeviceTrustLifetime:    m.GetDeviceTrustLifetime().AsDuration(),
		DeviceSecretGrace:      m.GetDeviceSecretGrace().AsDuration(),
		AttemptLifetime:        m.GetAttemptLifetime().AsDuration(),
		AttemptAnswers:         int(m.GetAttemptAnswers()),
		AttemptsPerIdentifier:  int(m.GetAttemptsPerIdentifier()),
		EnumerationMode:        wordOf(enumerationMessage, m.GetEnumerationMode()),
		CodeLifetime:           m.GetCodeLifetime().AsDuration(),
		CodeInterval:           m.GetCodeInterval().AsDuration(),
		CodesPerHour:           int(m.GetCodesPerHour()),
		CodesPerDay:            int(m.GetCodesPerDay()),
		CodesPerNetworkDay:     int(m.GetCodesPerNetworkDay()),
		CodesPerDeploymentHour: int(m.GetCodesPerDeploymentHour()),
		LockoutWaitFrom:        int(m.GetLockoutWaitFrom()),
		LockoutFirstWait:       m.GetLockoutFirstWait().AsDuration(),
		LockoutFailures:        int(m.GetLockoutFailures()),
		LockoutDuration:        m.GetLockoutDuration().AsDuration(),
		LockoutDecay:           m.GetLockoutDecay().AsDuration(),
		RateIdentifierStarts:   int(m.GetRateIdentifierStarts()),
		RateIdentifierAnswers:  int(m.GetRateIdentifierAnswers()),
		RateDeviceStarts:       int(m.GetRateDeviceStarts()),
		RateDeviceAnswers:      int(m.GetRateDeviceAnswers()),
		RateNetworkStarts:      int(m.GetRateNetworkStarts()),
		RateNetworkAnswers:     int(m.GetRateNetworkAnswers()),
		PasswordMinLength:      int(m.GetPasswordMinLength()),
		PasswordMaxLength:      int(m.GetPasswordMaxLength()),
		PasswordMinScore:       int(m.GetPasswordMinScore()),
		PasswordNeedsLower:     m.GetPasswordNeedsLower(),
		PasswordNeedsUpper:     m.GetPasswordNeedsUpper(),
		PasswordNeedsDigit:     m.GetPasswordNeedsDigit(),
		PasswordNeedsSymbol:    m.GetPasswordNeedsSymbol(),
		PasswordContextWords:   m.GetPasswordContextWords(),

		BreachMode:                 wordOf(breachModeMessage, m.GetBreachMode()),
		BreachAtSignIn:             m.GetBreachAtSignIn(),
		BreachUnknownRefusesNew:    m.GetBreachUnknownRefusesNew(),
		BreachUnknownRefusesSignIn: m.GetBreachUnknownRefusesSignIn(),
		BreachEndsSessions:         m.GetBreachEndsSessions(),

		RestrictionAccessMode:   wordOf(accessModeMessage, m.GetRestrictionAccessMode()),
		RestrictionAllowlist:    wordOf(allowlistMessage, m.GetRestrictionAllowlist()),
		RestrictionBlocklist:    m.GetRestrictionBlocklist(),
		RestrictionDisposable:   wordOf(disposableMessage, m.GetRestrictionDisposable()),
		RestrictionSubaddresses: wordOf(subaddressMessage, m.GetRestrictionSubaddresses()),
		RestrictionSeparators:   m.GetRestrictionSeparators(),
		RestrictionProviders:    m.GetRestrictionProviders(),

		InvitationLifetime: m.GetInvitationLifetime().AsDuration(),
		InvitationURL:      m.GetInvitationUrl(),

		ChallengeSignUp:        wordOf(signUpChallengeMessage, m.GetChallengeSignUp()),
		ChallengeDifficulty:    int(m.GetChallengeDifficulty()),
		ChallengeAfterFailures: int(m.GetChallengeAfterFailures()),
		ChallengeUnderLoad:     m.GetChallengeUnderLoad(),

		LearningWindowMax: m.GetLearningWindowMax().AsDuration(),
	}
}
