package flow

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/score"
	"github.com/doorward/doorward/services/risk/internal/signal"
)

// metrics count what was decided. Labels are levels and signal names: closed sets, none of them about anybody.
type metrics struct {
	// answers and raised are looked up once, not for each call.
	answers [score.Block + 1][score.Refuse + 1]prometheus.Counter
	raised  map[signal.Name]prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, counters *history.Counters, recorder *Recorder) (*metrics, error) {
	answers := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "doorward_risk_assessments_total", Help: "Assessments answered, by gate and verdict.",
	}, []string{"gate", "verdict"})
	raised := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "doorward_risk_signals_raised_total", Help: "How often a signal raised a gate or a verdict.",
	}, []string{"signal"})
	collectors := append(gauges(counters, recorder), answers, raised)
	var faults []error
	for _, c := range collectors {
		if err := reg.Register(c); err != nil {
			faults = append(faults, fmt.Errorf("flow: register metric: %w", err))
		}
	}
	m := &metrics{raised: map[signal.Name]prometheus.Counter{}}
	for gate := score.Open; gate <= score.Block; gate++ {
		for verdict := score.Allow; verdict <= score.Refuse; verdict++ {
			m.answers[gate][verdict] = answers.WithLabelValues(gate.String(), verdict.String())
		}
	}
	for _, name := range append(signal.OriginNames(), signal.AccountNames()...) {
		m.raised[name] = raised.WithLabelValues(string(name))
	}
	return m, errors.Join(faults...)
}

// gauges read what others hold, when they are asked.
func gauges(counters *history.Counters, recorder *Recorder) []prometheus.Collector {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	count := func(name, help string, value func() uint64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
	}
	return []prometheus.Collector{
		gauge("doorward_risk_counted_addresses", "Addresses whose failures are counted.",
			func() float64 { return float64(counters.Stats().Addresses) }),
		gauge("doorward_risk_counted_accounts", "Accounts whose failures are counted.",
			func() float64 { return float64(counters.Stats().Accounts) }),
		gauge("doorward_risk_tries", "Tries that can be told apart.", func() float64 { return float64(counters.Stats().Tries) }),
		count("doorward_risk_counters_evicted_total", "Addresses and accounts dropped before their window ended, for lack of room.",
			func() uint64 { return counters.Stats().Evicted }),
		gauge("doorward_risk_decisions_queued", "Decisions that wait to be written.", func() float64 { return float64(len(recorder.queue)) }),
		count("doorward_risk_decisions_lost_total", "Decisions lost from the record.", recorder.dropped.Load),
	}
}

func (m *metrics) assessed(r decision.Record) {
	m.answers[r.Gate][r.Verdict].Inc()
	for _, name := range r.Raised() {
		m.raised[name].Inc()
	}
}
