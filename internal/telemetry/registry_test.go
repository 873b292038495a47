package telemetry_test

import (
	"runtime"
	"testing"

	"github.com/doorward/doorward/internal/telemetry"
)

func TestRegistrySaysWhatTheBinaryWasBuiltFrom(t *testing.T) {
	families, err := telemetry.NewRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "doorward_build_info" {
			continue
		}
		labels := map[string]string{}
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		if labels["go"] != runtime.Version() || len(labels) != 3 || f.GetMetric()[0].GetGauge().GetValue() != 1 {
			t.Errorf("%v %v", labels, f.GetMetric()[0].GetGauge().GetValue())
		}
		return
	}
	t.Error("there is no build info")
}
