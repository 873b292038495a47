package deployment

import (
	"context"
	"net/http"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Metric is the sum of a service's counter or gauge over its labels, as its debug listener shows it; 0 where there is none.
func (p *Process) Metric(name string) float64 {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), askTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Debug+"/metrics", nil)
	must(p.t, err)
	response, err := (&http.Client{Timeout: askTimeout}).Do(request)
	must(p.t, err)
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	must(p.t, err)
	var sum float64
	for _, m := range families[name].GetMetric() {
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	return sum
}
