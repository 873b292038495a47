package certs_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func expiries(t *testing.T, registry *prometheus.Registry) map[string]time.Time {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]time.Time{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			out[m.GetLabel()[0].GetValue()] = time.Unix(int64(m.GetGauge().GetValue()), 0)
		}
	}
	return out
}

func TestMetricsShowWhenCertificatesExpireAndFollowARenewal(t *testing.T) {
	dir, registry := t.TempDir(), prometheus.NewRegistry()
	o := options()
	create(t, dir, o, "authn")
	if err := load(t, dir, "authn").Observe(registry); err != nil {
		t.Fatal(err)
	}
	first := expiries(t, registry)
	if !first["own"].After(o.Now) || first["ca"].Before(first["own"]) {
		t.Errorf("good until %v; now is %v, and a CA outlives what it signed", first, o.Now)
	}
	o.Now = first["own"].Add(-time.Hour)
	create(t, dir, o, "authn")
	if second := expiries(t, registry); !second["own"].After(first["own"]) || !second["ca"].Equal(first["ca"]) {
		t.Errorf("after the renewal good until %v, before until %v", second, first)
	}
}
