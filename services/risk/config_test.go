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
	for url, wants := range map[string]string{
		"nats://127.0.0.1:7407":                        "",
		"nats://[::1]:7407":                            "",
		"tls://localhost:7407":                         "",
		"nats://nats.internal:4222":                    "nats.ca",
		"nats://127.0.0.1:7407, nats://10.0.0.7:4222":  "nats.ca",
		"nats://localhost.example:4222":                "nats.ca",
		"127.0.0.1:7407":                               "nats.url",
		"http://127.0.0.1:7407":                        "nats.url",
		"nats://127.0.0.1":                             "nats.url",
		"nats://127.0.0.1:7407,":                       "nats.url",
		"nats://127.0.0.1:7407,nats://127.0.0.1:x/../": "nats.url",
	} {
		cfg := risk.DefaultConfig()
		cfg.NATS.URL = url
		key := ""
		if faults := cfg.Validate(); len(faults) > 0 {
			key = faults[0].Key
		}
		if key != wants {
			t.Errorf("%s: fault %q, want %q", url, key, wants)
		}
	}
}
