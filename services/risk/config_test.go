package risk_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/config"
	"github.com/doorward/doorward/services/risk"
)

func TestDefaultsAreValidAndReadable(t *testing.T) {
	if faults := risk.DefaultConfig().Validate(); len(faults) > 0 {
		t.Error(faults)
	}
	loaded, err := config.Load(config.Options[risk.Config]{
		Defaults: risk.DefaultConfig(), Env: []string{"DOORWARD_DECISIONS_KEEP_FOR=48h", "DOORWARD_NATS_URL=nats://localhost:4222"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Value.Decisions.KeepFor != 48*time.Hour || loaded.Value.NATS.URL != "nats://localhost:4222" {
		t.Errorf("config = %+v", loaded.Value)
	}
	for _, e := range loaded.Entries() {
		if e.Doc == "" {
			t.Errorf("%s has no sentence", e.Key)
		}
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	var keys []string
	for _, fault := range (risk.Config{}).Validate() {
		keys = append(keys, fault.Key)
	}
	slices.Sort(keys)
	want := []string{"certs", "data_dir", "decisions.keep_for", "decisions.keep_most", "listen", "nats.seed", "nats.url"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestEventsLeaveThisMachineByTLSOnly(t *testing.T) {
	cfg := risk.DefaultConfig()
	cfg.NATS.URL = "nats://nats.internal:4222"
	if faults := cfg.Validate(); len(faults) != 1 || faults[0].Key != "nats.ca" {
		t.Errorf("faults = %v, want nats.ca", faults)
	}
}
