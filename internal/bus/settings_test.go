package bus_test

import (
	"testing"

	"github.com/doorward/doorward/internal/bus"
)

func TestSettingsKeepEventsFromTravellingReadable(t *testing.T) {
	for name, tc := range map[string]struct {
		settings bus.Settings
		want     []string // the keys at fault
	}{
		"this machine":              {bus.Settings{URL: "nats://127.0.0.1:7407", Seed: "s"}, nil},
		"another with a CA":         {bus.Settings{URL: "tls://nats.internal:7407", Seed: "s", CA: "ca.pem"}, nil},
		"another without a CA":      {bus.Settings{URL: "nats://nats.internal:7407", Seed: "s"}, []string{"ca"}},
		"one of several is another": {bus.Settings{URL: "nats://127.0.0.1:7407, nats://10.0.0.1:7407", Seed: "s"}, []string{"ca"}},
		"no server and no seed":     {bus.Settings{}, []string{"url", "seed"}},
		"a password in the address": {bus.Settings{URL: "nats://me:secret@127.0.0.1:7407", Seed: "s"}, []string{"url"}},
		"not NATS":                  {bus.Settings{URL: "http://127.0.0.1:7407", Seed: "s"}, []string{"url"}},
		"no port":                   {bus.Settings{URL: "nats://127.0.0.1", Seed: "s"}, []string{"url"}},
		"an empty last server":      {bus.Settings{URL: "nats://127.0.0.1:7407,", Seed: "s"}, []string{"url"}},
		"another that sounds local": {bus.Settings{URL: "nats://127.0.0.1.example.com:7407", Seed: "s"}, []string{"ca"}},
		"IPv6 and a name":           {bus.Settings{URL: "nats://[::1]:7407,tls://localhost:7407", Seed: "s"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var keys []string
			for _, fault := range tc.settings.Check() {
				keys = append(keys, fault.Key)
			}
			if len(keys) != len(tc.want) {
				t.Fatalf("faults at %v, want %v", keys, tc.want)
			}
			for i := range keys {
				if keys[i] != tc.want[i] {
					t.Errorf("faults at %v, want %v", keys, tc.want)
				}
			}
		})
	}
}
