package tuning_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
		"session_token_lifetime":  {30 * time.Second, tuning.MaxSessionTokenLifetime},
		"session_lifetime":        {5 * time.Minute, 30 * day},
		"refresh_grace":           {0, time.Minute},
		"device_trust_lifetime":   {time.Hour, 400 * day},
		"device_secret_grace":     {0, 10 * time.Minute},
		"attempt_lifetime":        {time.Minute, time.Hour},
		"attempt_answers":         {1, 20},
		"attempts_per_identifier": {1, 100},
		"code_lifetime":           {time.Minute, 10 * time.Minute},
		"code_interval":           {10 * time.Second, 10 * time.Minute},
		"codes_per_hour":          {3, 60},
		"lockout_wait_from":       {3, 20},
		"lockout_first_wait":      {10 * time.Second, time.Hour},
		"lockout_failures":        {5, 90},
		"lockout_duration":        {time.Minute, 30 * day},
		"lockout_decay":           {time.Hour, 30 * day},
		"rate_account_starts":     {1, 1000},
		"rate_account_answers":    {1, 1000},
		"rate_device_starts":      {1, 1000},
		"rate_device_answers":     {1, 1000},
		"rate_network_starts":     {1, 100000},
		"rate_network_answers":    {1, 100000},
		"password_min_length":     {8, 64},
		"password_max_length":     {64, 256},
		"password_min_score":      {0, 4},
	}
	fields := reflect.TypeFor[tuning.Policy]()
	for i := range fields.NumField() {
		name := fields.Field(i).Tag.Get("json")
		if fields.Field(i).Type.Kind() == reflect.Bool || name == "password_context_words" { // the latter's have a test of their own
			continue
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
	bad := tuning.Policy{RefreshGrace: -1, DeviceSecretGrace: -1, LockoutDuration: -1, PasswordMinScore: -1, PasswordContextWords: []string{"x"}}
	err := bad.Validate()
	if err == nil {
		t.Fatal("a policy of zeros is taken")
	}
	const switches = 4 // either way is right
	if got, want := strings.Count(err.Error(), "must be "), reflect.TypeFor[tuning.Policy]().NumField()-switches; got != want {
		t.Errorf("%d faults, want %d:\n%v", got, want, err)
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
