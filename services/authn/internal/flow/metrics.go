package flow

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/quota"
	"github.com/doorward/doorward/services/authn/internal/restriction"
)

// Metrics count attempts on their way, by purpose, by the step that was answered, and by what came of it; codes, by what bounded them; and sign-ups that the restrictions
// refused, by the rule. All labels are closed sets.
type Metrics struct {
	attempts   *prometheus.CounterVec
	codes      *prometheus.CounterVec
	restricted *prometheus.CounterVec
	entries    *prometheus.GaugeVec
}

// stepStart stands for the call that begins an attempt.
const stepStart attempt.Step = "start"

// What came of a call, beside the outcomes of answers.
const (
	outcomeBegun        = "begun"
	outcomeSent         = "sent"         // a code is on its way
	outcomeCompleted    = "completed"    // the answer was the last that was needed
	outcomeRefused      = "refused"      // the attempt is over, or its owner may not go on
	outcomeLimited      = "limited"      // too many failures, or codes
	outcomeChallenged   = "challenged"   // a challenge was due, and no good solution came
	outcomeGated        = "gated"        // risk blocks the network
	outcomeRestricted   = "restricted"   // the operator's rules of who may sign up
	outcomeDisclosed    = "disclosed"    // bulk mode: whether there is an account
	outcomeOverloaded   = "overloaded"   // the hash pool is full
	outcomeUnacceptable = "unacceptable" // a new password that breaks a rule
	outcomeFailed       = "failed"       // a mistake of the caller's, or of ours
)

// NewMetrics registers them.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	if reg == nil {
		return nil, errors.New("flow: a metrics registerer is needed")
	}
	m := &Metrics{attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "doorward_authn_attempts_total", Help: "Calls that begin or continue a sign-up or sign-in, by purpose, the step answered, and what came of it.",
	}, []string{"purpose", "step", "outcome"}), codes: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "doorward_authn_codes_total", Help: "Codes asked for, by purpose, by who asked, and by what became of them: sent, or the bound that refused them.",
	}, []string{"purpose", "who", "outcome"}), restricted: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "doorward_authn_sign_ups_restricted_total", Help: "Sign-ups that the operator's restrictions refused, by the first rule that did.",
	}, []string{"rule"}), entries: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "doorward_authn_restriction_entries", Help: "Entries of the lists of who may sign up, by list, as this replica has read them.",
	}, []string{"list"})}
	for _, c := range []prometheus.Collector{m.attempts, m.codes, m.restricted, m.entries} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("flow: register metric: %w", err)
		}
	}
	for _, rule := range restriction.Refusers() {
		m.restricted.WithLabelValues(string(rule)) // shown from the start, as 0
	}
	for _, purpose := range []attempt.Purpose{attempt.SignUp, attempt.SignIn} {
		for _, bound := range append(quota.Bounds(), outcomeSent) {
			m.codes.WithLabelValues(string(purpose), string(quota.Strangers), string(bound)) // for alerts, which see a count rise from 0 alone
		}
	}
	return m, nil
}

// coded counts a code that was sent or refused.
func (m *Metrics) coded(purpose attempt.Purpose, who quota.Who, v quota.Verdict) {
	outcome := string(v.Bound)
	if v.Sent() {
		outcome = outcomeSent
	}
	m.codes.WithLabelValues(string(purpose), string(who), outcome).Inc()
}

// listed shows how many entries an index has.
func (m *Metrics) listed(x *restriction.Index) {
	for _, list := range restriction.Lists() {
		m.entries.WithLabelValues(list.String()).Set(float64(x.Total(list)))
	}
}

func (m *Metrics) refusedBy(rule restriction.Rule) { m.restricted.WithLabelValues(string(rule)).Inc() }

func (m *Metrics) started(purpose attempt.Purpose, err error) {
	m.count(purpose, stepStart, outcomeBegun, err)
}

func (m *Metrics) prepared(at Progress, err error) {
	m.count(at.Attempt.Purpose, at.Step, outcomeSent, err)
}

// answered counts an answer to the step at which the attempt stood, and where it stands now.
func (m *Metrics) answered(at, now Progress, err error) {
	outcome := outcomeRefused
	if now.restrictedBy != "" {
		m.refusedBy(now.restrictedBy)
	}
	switch {
	case now.Grant != nil:
		outcome = outcomeCompleted
	case now.Answer == nil:
	case now.Answer.Outcome != attempt.Accepted, now.Step != attempt.Refused:
		outcome = string(now.Answer.Outcome)
	}
	m.count(at.Attempt.Purpose, at.Step, outcome, err)
}

func (m *Metrics) count(purpose attempt.Purpose, step attempt.Step, outcome string, err error) {
	if err != nil {
		outcome = outcomeOf(err)
	}
	m.attempts.WithLabelValues(string(purpose), string(step), outcome).Inc()
}

// outcomeOf reads a failure by the reason that its caller is given.
func outcomeOf(err error) string {
	switch fault.ReasonOf(err) {
	case typev1.Reason_REASON_TOO_MANY_FAILURES, typev1.Reason_REASON_CODE_TOO_SOON, typev1.Reason_REASON_CODES_EXHAUSTED,
		typev1.Reason_REASON_RATE_LIMITED:
		return outcomeLimited
	case typev1.Reason_REASON_CHALLENGE_REQUIRED:
		return outcomeChallenged
	case typev1.Reason_REASON_BLOCKED:
		return outcomeGated
	case typev1.Reason_REASON_SIGN_UP_RESTRICTED:
		return outcomeRestricted
	case typev1.Reason_REASON_IDENTIFIER_UNKNOWN, typev1.Reason_REASON_EMAIL_TAKEN:
		return outcomeDisclosed
	case typev1.Reason_REASON_OVERLOADED:
		return outcomeOverloaded
	case typev1.Reason_REASON_PASSWORD_UNACCEPTABLE:
		return outcomeUnacceptable
	default:
		return outcomeFailed
	}
}
