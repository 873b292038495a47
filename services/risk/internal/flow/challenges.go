package flow

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/services/risk/internal/challenge"
	"github.com/doorward/doorward/services/risk/internal/history"
)

// Challenges makes challenges and takes their solutions, and counts both. Safe for concurrent use.
type Challenges struct {
	issuer   *challenge.Issuer
	counters *history.Counters
	issued   *prometheus.CounterVec
	taken    *prometheus.CounterVec
}

// What came of a solution, as the metrics say it.
const (
	resultTaken     = "taken"
	resultUnsolved  = "unsolved"
	resultElsewhere = "elsewhere"
	resultEasy      = "easy"
	resultExpired   = "expired"
	resultSpent     = "spent"
	resultFull      = "full"
)

// results are the words for what an Issuer answers.
var results = map[error]string{
	nil:                    resultTaken,
	challenge.ErrUnsolved:  resultUnsolved,
	challenge.ErrElsewhere: resultElsewhere,
	challenge.ErrEasy:      resultEasy,
	challenge.ErrExpired:   resultExpired,
	challenge.ErrSpent:     resultSpent,
	challenge.ErrFull:      resultFull,
}

func newChallenges(d Deps) (*Challenges, error) {
	c := &Challenges{issuer: d.Challenges, counters: d.Counters, issued: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "doorward_risk_challenges_issued_total", Help: "Challenges made, by what for: sign_up, sign_in or code.",
	}, []string{"purpose"}), taken: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "doorward_risk_solutions_total",
		Help: "Solutions of challenges, by what for and by what came of them: taken, unsolved, elsewhere (made for another purpose), easy (made when less work was due), expired, spent, or full (no room to remember one more).",
	}, []string{"purpose", "result"})}
	remembered := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "doorward_risk_solutions_remembered", Help: "Solutions that are remembered, so that none is taken twice.",
	}, func() float64 { return float64(d.Challenges.Remembered()) })
	for _, metric := range []prometheus.Collector{c.issued, c.taken, remembered} {
		if err := d.Registerer.Register(metric); err != nil {
			return nil, fmt.Errorf("flow: register metric: %w", err)
		}
	}
	for _, purpose := range challenge.Purposes() {
		c.issued.WithLabelValues(string(purpose)) // shown from the start, as 0
		for _, result := range results {
			c.taken.WithLabelValues(string(purpose), result)
		}
	}
	return c, nil
}

// Issue makes a challenge. decisionID is of the try that is sent away to solve it; empty for none.
func (c *Challenges) Issue(purpose challenge.Purpose, difficulty int64, decisionID string) (challenge.Challenge, error) {
	made, err := c.issuer.Issue(purpose, difficulty, decisionID)
	if err == nil {
		c.issued.WithLabelValues(string(purpose)).Inc()
	}
	return made, err
}

// Redeem takes a solution of at least so much work, or returns the error of package challenge that says why not; where there is no room to remember it, a
// fault. The try that was sent away to solve it counts as a failure no more: whoever brings the solution is assessed anew, and would be counted twice. One
// that never comes back stays counted.
func (c *Challenges) Redeem(purpose challenge.Purpose, least int64, solution string) error {
	try, err := c.issuer.Redeem(purpose, least, solution)
	c.taken.WithLabelValues(string(purpose), results[err]).Inc()
	if errors.Is(err, challenge.ErrFull) {
		return errNoRoom.Because(err)
	}
	if err == nil {
		c.counters.Withdraw(try)
	}
	return err
}
