package tuning_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

const day = 24 * time.Hour

// Each case is one pair that doesn't fit, and beside it the nearest that does.
func TestSettingsThatDontFitOneAnotherAreWarnedOf(t *testing.T) {
	for name, c := range map[string]struct {
		misfit, fit func(*tuning.Policy)
		kind        tuning.WarningKind
		says        string
	}{
		"the truth is told": {
			func(p *tuning.Policy) { p.EnumerationMode, p.RateNetworkStarts = tuning.Bulk, 70 }, func(p *tuning.Policy) { p.EnumerationMode = tuning.Strict },
			tuning.EnumerationBulk, "a network may ask 70 times in 10 s (rate_network_starts)",
		},
		"known devices wait longer than strangers": {
			func(p *tuning.Policy) { p.LockoutDuration = 15 * time.Minute }, func(p *tuning.Policy) { p.LockoutDuration = 16 * time.Minute },
			tuning.Misfit, "up to 16m, from a lockout_first_wait of 1m, and strangers for a lockout_duration of 15m at most",
		},
		"a lock for good is longer than any wait": {
			func(p *tuning.Policy) { p.LockoutFirstWait = time.Hour }, func(p *tuning.Policy) { p.LockoutFirstWait, p.LockoutDuration = time.Hour, 0 },
			tuning.Misfit, "up to 16h, from a lockout_first_wait of 1h, and strangers for a lockout_duration of 1h at most",
		},
		"a lock before the first wait": {
			func(p *tuning.Policy) { p.LockoutWaitFrom = 10 }, func(p *tuning.Policy) { p.LockoutWaitFrom = 9 },
			tuning.Misfit, "lockout_wait_from is 10, and lockout_failures 10",
		},
		"a lock longer than its decay": {
			func(p *tuning.Policy) { p.LockoutDuration = day }, func(p *tuning.Policy) { p.LockoutDuration = day - time.Minute },
			tuning.Misfit, "each lock is followed by 10 tries (lockout_failures) and not by one: lockout_duration is 1d",
		},
		"a wait longer than its decay": {
			func(p *tuning.Policy) {
				p.LockoutFirstWait, p.LockoutDuration, p.LockoutDecay = time.Hour, 0, 16*time.Hour
			},
			func(p *tuning.Policy) {
				p.LockoutFirstWait, p.LockoutDuration, p.LockoutDecay = time.Hour, 0, 17*time.Hour
			},
			tuning.Misfit, "as 16h, to which a lockout_first_wait of 1h doubles: after a lockout_decay of 16h",
		},
		"failures that end before they are challenged": {
			func(p *tuning.Policy) { p.LockoutDuration, p.ChallengeAfterFailures = 0, 10 }, func(p *tuning.Policy) { p.LockoutDuration, p.ChallengeAfterFailures = 0, 9 },
			tuning.UnusedSetting, "challenge_after_failures does nothing: it is 10",
		},
		"failures that go on to be challenged": {
			func(p *tuning.Policy) { p.LockoutDuration, p.ChallengeAfterFailures = 0, 11 }, func(p *tuning.Policy) { p.ChallengeAfterFailures = 11 },
			tuning.UnusedSetting, "challenge_after_failures does nothing: it is 11",
		},
		"a gate that isn't heard": {
			func(p *tuning.Policy) { p.ChallengeSignUp = tuning.ChallengeOff }, func(p *tuning.Policy) { p.ChallengeSignUp = tuning.ChallengeWhenRaised },
			tuning.Misfit, "challenge_sign_up is off; when_raised asks there",
		},
		"work that the SDK doesn't do": {
			func(p *tuning.Policy) { p.ChallengeDifficulty = 1_000_001 }, func(p *tuning.Policy) { p.ChallengeDifficulty = 1_000_000 },
			tuning.Misfit, "challenge_difficulty is 1000001",
		},
		"a day's codes in an hour": {
			func(p *tuning.Policy) { p.CodesPerHour, p.CodesPerDay = 10, 10 }, func(p *tuning.Policy) { p.CodesPerHour, p.CodesPerDay = 10, 11 },
			tuning.UnusedSetting, "codes_per_hour does nothing, and nobody is challenged before a day's codes are gone: it is 10, and codes_per_day 10",
		},
		"an hour's codes that the interval spreads": {
			func(p *tuning.Policy) { p.CodeInterval, p.CodesPerHour = 10*time.Minute, 6 }, func(p *tuning.Policy) { p.CodeInterval, p.CodesPerHour = 10*time.Minute, 5 },
			tuning.UnusedSetting, "codes_per_hour does nothing: it is 6, and no more go out in 1h with a code_interval of 10m",
		},
		"a network with more codes than its site": {
			func(p *tuning.Policy) { p.CodesPerNetworkDay, p.CodesPerDeploymentHour = 2401, 1000 },
			func(p *tuning.Policy) { p.CodesPerNetworkDay, p.CodesPerDeploymentHour = 2400, 1000 },
			tuning.UnusedSetting, "codes_per_network_day does nothing: it is 2401, and of a codes_per_deployment_hour of 1000 no more than 2400 a day are for a /48",
		},
		"a day's codes that the interval spreads": {
			func(p *tuning.Policy) { p.CodeInterval, p.CodesPerHour, p.CodesPerDay = 10*time.Minute, 5, 144 },
			func(p *tuning.Policy) { p.CodeInterval, p.CodesPerHour, p.CodesPerDay = 10*time.Minute, 5, 143 },
			tuning.UnusedSetting, "codes_per_day does nothing: it is 144, and no more go out in 1d with a code_interval of 10m",
		},
		"a code that ends before the next": {
			func(p *tuning.Policy) { p.CodeLifetime, p.CodeInterval = time.Minute, 61*time.Second }, func(p *tuning.Policy) { p.CodeLifetime, p.CodeInterval = time.Minute, time.Minute },
			tuning.Misfit, "code_lifetime is 1m, and code_interval 1m1s",
		},
		"an attempt that ends before its code": {
			func(p *tuning.Policy) { p.AttemptLifetime = 9 * time.Minute }, func(p *tuning.Policy) { p.AttemptLifetime = 10 * time.Minute },
			tuning.Misfit, "attempt_lifetime is 9m, and code_lifetime 10m",
		},
		"a network with fewer codes than an address": {
			func(p *tuning.Policy) { p.CodesPerNetworkDay = 19 }, func(p *tuning.Policy) { p.CodesPerNetworkDay = 20 },
			tuning.Misfit, "codes_per_network_day is 19, and codes_per_day 20",
		},
		"a network that starts less than a device": {
			func(p *tuning.Policy) { p.RateNetworkStarts = 9 }, func(p *tuning.Policy) { p.RateNetworkStarts = 10 },
			tuning.Misfit, "rate_network_starts is 9, rate_identifier_starts 5 and rate_device_starts 10",
		},
		"a network that answers less than an identifier": {
			func(p *tuning.Policy) { p.RateIdentifierAnswers = 201 }, func(p *tuning.Policy) { p.RateIdentifierAnswers = 200 },
			tuning.Misfit, "rate_network_answers is 200, rate_identifier_answers 201 and rate_device_answers 10",
		},
		"sessions longer than trust": {
			func(p *tuning.Policy) { p.DeviceTrustLifetime = 7 * day }, func(p *tuning.Policy) { p.DeviceTrustLifetime = 7*day + time.Hour },
			tuning.Misfit, "device_trust_lifetime is 7d, and session_lifetime 7d",
		},
		"nothing is too common": {
			func(p *tuning.Policy) { p.BreachMode, p.PasswordMinScore = breach.Off, 0 }, func(p *tuning.Policy) { p.BreachMode, p.PasswordMinScore = breach.Off, 1 },
			tuning.Misfit, "breach_mode is off, and password_min_score 0",
		},
		"words that nothing weighs": {
			func(p *tuning.Policy) { p.PasswordContextWords, p.PasswordMinScore = []string{"acme"}, 0 }, func(p *tuning.Policy) { p.PasswordMinScore = 0 },
			tuning.UnusedSetting, "password_context_words do nothing",
		},
		"a list can't fail": {
			func(p *tuning.Policy) { p.BreachUnknownRefusesSignIn = true }, func(p *tuning.Policy) { p.BreachUnknownRefusesSignIn, p.BreachMode = true, breach.CorpusOnly },
			tuning.UnusedSetting, "breach_unknown_refuses_sign_in does nothing: no source of breach_mode list can fail",
		},
		"nothing is asked at sign-in": {
			func(p *tuning.Policy) {
				p.BreachUnknownRefusesSignIn, p.BreachAtSignIn, p.BreachMode = true, false, breach.CorpusOnly
			},
			func(p *tuning.Policy) { p.BreachAtSignIn, p.BreachMode = false, breach.CorpusOnly },
			tuning.UnusedSetting, "breach_unknown_refuses_sign_in does nothing: breach_at_sign_in is false",
		},
		"no breach that ends sessions": {
			func(p *tuning.Policy) { p.BreachEndsSessions, p.BreachMode = true, breach.Off }, func(p *tuning.Policy) { p.BreachEndsSessions = true },
			tuning.UnusedSetting, "breach_ends_sessions does nothing: breach_mode is off",
		},
		"no look-up that ends sessions": {
			func(p *tuning.Policy) { p.BreachEndsSessions, p.BreachAtSignIn = true, false }, func(p *tuning.Policy) { p.BreachAtSignIn = false },
			tuning.UnusedSetting, "breach_ends_sessions does nothing: breach_at_sign_in is false",
		},
		"guesses that are forgotten": {
			func(p *tuning.Policy) { p.LockoutDecay = 3 * time.Hour }, func(p *tuning.Policy) { p.LockoutDecay = 4 * time.Hour },
			tuning.Misfit, "112 times, each time with no failure remembered: learning_window_max is 14d, and lockout_decay 3h",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := tuning.Default()
			c.misfit(&p)
			if err := p.Validate(); err != nil {
				t.Fatalf("it is refused, and needs no warning: %v", err)
			}
			got := p.Warnings()
			if len(got) != 1 || got[0].Kind != c.kind || !strings.Contains(got[0].Text, c.says) {
				t.Errorf("warnings %+v; want one of kind %s that says %q", got, c.kind, c.says)
			}
			for _, w := range got {
				namesSettings(t, w.Text)
			}
			p = tuning.Default()
			c.fit(&p)
			if got := p.Warnings(); len(got) != 0 {
				t.Errorf("what fits is warned of: %+v", got)
			}
		})
	}
}

var settingForm = regexp.MustCompile(`[a-z]+(_[a-z]+)+`)

// namesSettings holds a text to settings that there are, and to naming one.
func namesSettings(t *testing.T, text string) {
	t.Helper()
	raw, err := json.Marshal(tuning.Default())
	if err != nil {
		t.Fatal(err)
	}
	names := settingForm.FindAllString(text, -1)
	if len(names) == 0 {
		t.Errorf("no setting is named: %s", text)
	}
	for _, name := range names {
		if name != "when_raised" && !strings.Contains(string(raw), `"`+name+`":`) {
			t.Errorf("there is no setting %s: %s", name, text)
		}
	}
}

func TestThereIsNothingToWarnOfByDefault(t *testing.T) {
	if got := tuning.Default().Warnings(); len(got) != 0 {
		t.Errorf("warnings %+v", got)
	}
}

// Nothing divides by a setting that may be 0.
func TestAPolicyThatIsNoneCanBeLookedAt(*testing.T) { _ = tuning.Policy{}.Warnings() }
