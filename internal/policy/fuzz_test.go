package policy_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/policy"
)

// FuzzStoredPolicy reads a stored record of any content. It comes into force valid and whole, or not at all; and what is in force never depends on a
// record read before.
func FuzzStoredPolicy(f *testing.F) {
	for _, value := range []string{
		`{"failures":3,"blocked":["CC"]}`, `{"blocked":["CC","DD","EE"]}`, `{"failures":0}`, `{"lockout":{"budget":-1}}`, `{"lockout":{"window":1e99}}`,
		`null`, `{"lockout":null,"blocked":null}`, `{"Failures":2,"failures":0}`, `[]`, ``,
	} {
		f.Add([]byte(value), uint64(7))
	}
	f.Add([]byte(`{"failures":3}`), uint64(0))
	f.Fuzz(func(t *testing.T, value []byte, version uint64) {
		records := newMemory()
		records.set(policy.Record{Version: version, Value: value})
		cfg := policy.Config[limits]{
			Defaults: defaults(), Validate: validate, Read: records.view, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
		}
		opened, err := policy.Open(t.Context(), cfg)
		if err != nil {
			return
		}
		got := opened.Snapshot(t.Context())
		if faults := validate(got.Value); faults != nil || got.Version != version {
			t.Errorf("version %d is in force as %d: %+v, %v", version, got.Version, got.Value, faults)
		}
		if diff := cmp.Diff(defaults(), cfg.Defaults); diff != "" {
			t.Errorf("the defaults changed (-before +after):\n%s", diff)
		}
		records.set(policy.Record{})
		if err := opened.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(defaults(), opened.Current(t.Context())); diff != "" {
			t.Errorf("without a record (-want +got):\n%s", diff)
		}
		records.set(policy.Record{Version: 1, Value: []byte(`{"failures":0}`)})
		if err := opened.Refresh(t.Context()); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("an invalid record: %v, want ErrInvalid", err)
		}
	})
}
