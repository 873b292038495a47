package tuning_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

func TestTheDefaultsKeepTheRules(t *testing.T) {
	if err := tuning.Default().Validate(); err != nil {
		t.Error(err)
	}
}

// The least and the most of each field, by its name in a policy file. A field without a row fails.
func TestEveryFieldHasItsBounds(t *testing.T) {
	const day = 24 * time.Hour
	bounds := map[string][2]time.Duration{
		"session_token_lifetime":    {30 * time.Second, tuning.MaxSessionTokenLifetime},
		"session_lifetime":          {5 * time.Minute, 30 * day},
		"refresh_grace":             {0, time.Minute},
		"device_trust_lifetime":     {time.Hour, 400 * day},
		"device_secret_grace":       {0, 10 * time.Minute},
		"attempt_lifetime":          {time.Minute, time.Hour},
		"attempt_answers":           {1, 20},
		"attempts_per_identifier":   {1, 100},
		"code_lifetime":             {time.Minute, 10 * time.Minute},
		"code_interval":             {0, 10 * time.Minute},
		"codes_per_hour":            {3, 60},
		"codes_per_day":             {5, 200},
		"codes_per_network_day":     {10, 1_000_000},
		"codes_per_deployment_hour": {100, 1_000_000},
		"lockout_wait_from":         {3, 20},
		"lockout_first_wait":        {10 * time.Second, time.Hour},
		"lockout_failures":          {5, 90},
		"lockout_duration":          {time.Minute, 30 * day},
		"lockout_decay":             {time.Hour, 30 * day},
		"rate_identifier_starts":    {1, 1000},
		"rate_identifier_answers":   {1, 1000},
		"rate_device_starts":        {1, 1000},
		"rate_device_answers":       {1, 1000},
		"rate_network_starts":       {1, 100000},
		"rate_network_answers":      {1, 100000},
		"password_min_length":       {8, 64},
		"password_max_length":       {64, 256},
		"password_min_score":        {0, 4},
		"invitation_lifetime":       {time.Hour, 365 * day},

		"challenge_difficulty":     {1000, 10_000_000},
		"challenge_after_failures": {0, 90},
		"learning_window_max":      {0, 90 * day},
	}
	fields := reflect.TypeFor[tuning.Policy]()
	for i := range fields.NumField() {
		name := fields.Field(i).Tag.Get("json")
		switch fields.Field(i).Type.Kind() {
		case reflect.Bool, reflect.String, reflect.Slice: // texts and lists have tests of their own
			continue
		default:
		}
		bound, known := bounds[name]
		if !known {
			t.Errorf("%s has no bounds here", name)
			continue
		}
		for value, good := range map[int64]bool{
			int64(bound[0]): true, int64(bound[1]): true, int64(bound[0]) - 1: false, int64(bound[1]) + 1: false,
		} {
			policy := tuning.Default()
			reflect.ValueOf(&policy).Elem().Field(i).SetInt(value)
			err := policy.Validate()
			if (err == nil) != good {
				t.Errorf("%s = %d: %v; want it taken: %t", name, value, err, good)
			}
			if err != nil && !strings.HasPrefix(err.Error(), name+" is ") {
				t.Errorf("%s = %d: the error doesn't name the field: %v", name, value, err)
			}
		}
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	bad := tuning.Policy{RefreshGrace: -1, DeviceSecretGrace: -1, CodeInterval: -1, LockoutDuration: -1, PasswordMinScore: -1, PasswordContextWords: []string{"x"},
		RestrictionSeparators: "x", RestrictionProviders: []string{"x"}, ChallengeAfterFailures: -1, LearningWindowMax: -1, InvitationURL: "x"}
	err := bad.Validate()
	if err == nil {
		t.Fatal("a policy of zeros is taken")
	}
	const switches = 10 // either way is right
	if got, want := strings.Count(err.Error(), "must be "), reflect.TypeFor[tuning.Policy]().NumField()-switches; got != want {
		t.Errorf("%d faults, want %d:\n%v", got, want, err)
	}
}

func TestTheInvitationsPageIsAPlainAddress(t *testing.T) {
	const page = "https://notes.example.com/"
	for url, good := range map[string]bool{
		"": true, page: true, page + "join/here": true, "https://notes.example.com:8443": true,
		"http://localhost:7404/join": true, "http://127.0.0.1/join": true, "http://[::1]:1/": true,
		page + strings.Repeat("j", tuning.MaxInvitationURL-len(page)): true, page + strings.Repeat("j", tuning.MaxInvitationURL-len(page)+1): false,
		"http://notes.example.com/": false, "notes.example.com": false, "//notes.example.com": false, "/join": false, "https://": false, "https:///join": false,
		"ftp://notes.example.com/": false, "javascript:alert(1)": false, "https://ann:secret@notes.example.com/": false, "http://localhost.evil.example/": false,
		page + "?a=b": false, page + "#here": false, page + "{token}": false, page + "a b": false, page + "a\nb": false, page + "\u202e": false,
		"https://nоtes.example.com/": false, // a Cyrillic letter
		page + "<b>":                 false, page + "\"": false, page + "%zz": false,
	} {
		policy := tuning.Default()
		policy.InvitationURL = url
		if err := policy.Validate(); (err == nil) != good || err != nil && !strings.HasPrefix(err.Error(), "invitation_url is ") {
			t.Errorf("%q: %v; want it taken: %t", url, err, good)
		}
	}
}

func TestContextWordsHaveTheirBounds(t *testing.T) {
	for name, c := range map[string]struct {
		words []string
		good  bool
	}{
		"none":              {nil, true},
		"of 3 characters":   {[]string{"böb"}, true},
		"of 2":              {[]string{"acme", "bö"}, false},
		"of 64":             {[]string{strings.Repeat("ö", 64)}, true},
		"of 65":             {[]string{strings.Repeat("ö", 65)}, false},
		"no text":           {[]string{"acme\xff"}, false},
		"a hundred":         {slices.Repeat([]string{"acme"}, 100), true},
		"a hundred and one": {slices.Repeat([]string{"acme"}, 101), false},
	} {
		policy := tuning.Default()
		policy.PasswordContextWords = c.words
		err := policy.Validate()
		if (err == nil) != c.good {
			t.Errorf("%s: %v; want them taken: %t", name, err, c.good)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "password_context_words") {
			t.Errorf("%s: the error doesn't name the field: %v", name, err)
		}
	}
}

func TestBreachModesAreThoseThatTheCheckHas(t *testing.T) {
	for mode, good := range map[breach.Mode]bool{
		breach.Off: true, breach.ListOnly: true, breach.CorpusOnly: true, breach.RangeOnly: true, breach.CorpusConfirmed: true,
		"": false, "on": false,
	} {
		policy := tuning.Default()
		policy.BreachMode = mode
		if err := policy.Validate(); (err == nil) != good || err != nil && !strings.HasPrefix(err.Error(), "breach_mode is ") {
			t.Errorf("%q: %v; want it taken: %t", mode, err, good)
		}
	}
}

func TestOnlyBulkModeDiscloses(t *testing.T) {
	for mode, c := range map[tuning.EnumerationMode]struct{ good, discloses bool }{
		tuning.Strict: {true, false}, tuning.Bulk: {true, true}, "": {}, "Bulk": {}, "off": {},
	} {
		policy := tuning.Default()
		policy.EnumerationMode = mode
		if err := policy.Validate(); (err == nil) != c.good || err != nil && !strings.HasPrefix(err.Error(), "enumeration_mode is ") {
			t.Errorf("%q: %v; want it taken: %t", mode, err, c.good)
		}
		if mode.Discloses() != c.discloses {
			t.Errorf("%q discloses: %t", mode, !c.discloses)
		}
	}
}

func TestWhatHappensWhenASourceFailsIsAChoicePerMoment(t *testing.T) {
	policy := tuning.Default()
	for _, m := range []breach.Moment{breach.AtSet, breach.AtSignIn} {
		if got := policy.BreachOnFailure(m); got != breach.DefaultOnFailure(m) {
			t.Errorf("at moment %d: %d by default", m, got)
		}
	}
	policy.BreachUnknownRefusesNew, policy.BreachUnknownRefusesSignIn = false, true
	if policy.BreachOnFailure(breach.AtSet) != breach.Open || policy.BreachOnFailure(breach.AtSignIn) != breach.Closed {
		t.Error("the policy's choice isn't the one that holds")
	}
	policy.BreachUnknownRefusesSignIn = false
	if policy.BreachOnFailure(breach.Moment(99)) != breach.Closed {
		t.Error("a moment that isn't known is open")
	}
}

func TestRestrictionsTakeTheirWordsAlone(t *testing.T) {
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf("d%d.example:", i)
	}
	for name, c := range map[string]struct {
		set  func(*tuning.Policy)
		says string
	}{
		"access mode":           {func(p *tuning.Policy) { p.RestrictionAccessMode = "closed" }, `restriction_access_mode is "closed": must be open or invitation_only`},
		"allowlist":             {func(p *tuning.Policy) { p.RestrictionAllowlist = "on" }, `restriction_allowlist is "on": must be off, exceptions or required`},
		"disposable":            {func(p *tuning.Policy) { p.RestrictionDisposable = "one_per_mailbox" }, `restriction_disposable is "one_per_mailbox": must be allow or refuse`},
		"subaddresses":          {func(p *tuning.Policy) { p.RestrictionSubaddresses = "" }, `restriction_subaddresses is "": must be allow, one_per_mailbox or refuse`},
		"separators":            {func(p *tuning.Policy) { p.RestrictionSeparators = "+." }, `restriction_separators is "+.": must be some of +=#-, each once`},
		"no separators":         {func(p *tuning.Policy) { p.RestrictionSeparators = "" }, ""},
		"a provider":            {func(p *tuning.Policy) { p.RestrictionProviders = []string{"example.com:+-", "example.org:"} }, ""},
		"one without a colon":   {func(p *tuning.Policy) { p.RestrictionProviders = []string{"example.com"} }, `restriction_providers[0] is "example.com": must be`},
		"one with another's":    {func(p *tuning.Policy) { p.RestrictionProviders = []string{"example.com:."} }, `restriction_providers[0] is "example.com:.": must be some of +=#-, each once`},
		"one that is no domain": {func(p *tuning.Policy) { p.RestrictionProviders = []string{"example.com:", "@:+"} }, `restriction_providers[1] is "@:+": must be a domain`},
		"one twice":             {func(p *tuning.Policy) { p.RestrictionProviders = []string{"example.com:", "example.com:+"} }, `restriction_providers[1] is "example.com:+": must name its domain once`},
		"a hundred and one":     {func(p *tuning.Policy) { p.RestrictionProviders = many }, "restriction_providers is a list of 101: must have at most 100"},
	} {
		policy := tuning.Default()
		c.set(&policy)
		err := policy.Validate()
		if (err == nil) != (c.says == "") || err != nil && !strings.HasPrefix(err.Error(), c.says) {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
	}
}

func TestTheRulesOfRestrictionsAreThePolicys(t *testing.T) {
	if diff := cmp.Diff(restriction.Default(), tuning.Default().Restrictions()); diff != "" {
		t.Errorf("the defaults (-want +got):\n%s", diff)
	}
	policy := tuning.Default()
	policy.RestrictionProviders = []string{"example.com:=+", "example.org:"}
	want := []restriction.Provider{{Domain: "example.com", Separators: "=+"}, {Domain: "example.org"}}
	if diff := cmp.Diff(want, policy.Restrictions().Providers); diff != "" {
		t.Errorf("providers (-want +got):\n%s", diff)
	}
}

func TestAPolicyIsStoredWhole(t *testing.T) {
	policy := tuning.Default()
	policy.PasswordContextWords, policy.PasswordNeedsDigit = []string{"acme"}, true
	raw, err := json.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	var got tuning.Policy
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(policy, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

// A deployment's policy was stored by a release before this one.
func TestFieldsAreReadByTheNamesThatTheyHad(t *testing.T) {
	for stored, want := range map[string][2]int{
		`{}`: {5, 3},
		`{"rate_account_starts":7,"rate_account_answers":9}`:       {7, 9},
		`{"rate_account_answers":9}`:                               {5, 9},
		`{"rate_identifier_starts":8}`:                             {8, 3},
		`{"rate_identifier_starts":8,"rate_account_starts":7}`:     {8, 3},
		`{"rate_account_starts":7,"rate_identifier_starts":8}`:     {8, 3},
		`{"rate_account_starts":null,"rate_account_answers":null}`: {5, 3},
	} {
		got := tuning.Default()
		if err := json.Unmarshal([]byte(stored), &got); err != nil {
			t.Fatal(err)
		}
		wanted := tuning.Default()
		wanted.RateIdentifierStarts, wanted.RateIdentifierAnswers = want[0], want[1]
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", stored, diff)
		}
	}
	for _, broken := range []string{`{"rate_account_starts":"many"}`, `{"lockout_failures":"many"}`, `[]`} {
		if err := json.Unmarshal([]byte(broken), new(tuning.Policy)); err == nil {
			t.Errorf("%s is read", broken)
		}
	}
}
