package tuning_test

import (
	"encoding/json"
	"reflect"
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
		"lockout_failures":        {3, 100},
		"lockout_window":          {time.Minute, day},
		"password_min_length":     {8, 64},
	}
	fields := reflect.TypeFor[tuning.Policy]()
	for i := range fields.NumField() {
		name := fields.Field(i).Tag.Get("json")
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
	bad := tuning.Policy{RefreshGrace: -1, DeviceSecretGrace: -1}
	err := bad.Validate()
	if err == nil {
		t.Fatal("a policy of zeros is taken")
	}
	if got, want := strings.Count(err.Error(), "must be from"), reflect.TypeFor[tuning.Policy]().NumField(); got != want {
		t.Errorf("%d faults, want %d:\n%v", got, want, err)
	}
}

func TestAPolicyIsStoredWhole(t *testing.T) {
	raw, err := json.Marshal(tuning.Default())
	if err != nil {
		t.Fatal(err)
	}
	var got tuning.Policy
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tuning.Default(), got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}
