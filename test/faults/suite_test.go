package faults_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/test/deployment"
	"github.com/doorward/doorward/test/load"
	"github.com/doorward/doorward/test/reconcile"
)

// rates leave the machine time for restarts.
var rates = load.Rates{load.SignUp: 1, load.SignIn: 2, load.NewDevice: 1, load.Refresh: 8, load.Revoke: 1, load.Verify: 15}

// crowd is how many have an account before the first fault.
const crowd = 5

// suite is a deployment under load.
type suite struct {
	*testing.T
	*deployment.Deployment
	load *load.Generator
	stop func() // ends the load, and returns when what it began has ended

	// unrecorded are the spans in which the answer to a mail may have been lost.
	unrecorded [][2]time.Time
}

func start(t *testing.T) *suite {
	t.Helper()
	s := &suite{T: t, Deployment: deployment.Start(t)}
	var err error
	s.load, err = load.New(t.Context(), load.Config{
		Environment: s.Environment(), Operator: authnv1.NewSessionServiceClient(s.Dial(s.Authn)), Rates: rates, Seed: 1,
	})
	s.must(err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		s.load.Run(ctx)
	}()
	s.stop = func() {
		cancel()
		<-ran
	}
	t.Cleanup(s.stop) // before the deployment goes, however this ends
	deployment.Eventually(t, "there are people who use it", func() bool { return len(s.load.Ledger.Users()) >= crowd })
	return s
}

// calm waits until nothing is left to be published or sent, so that the next fault has its own signs.
func (s *suite) calm() {
	s.Helper()
	for _, p := range []*deployment.Process{s.Authn, s.Notify} {
		deployment.Eventually(s.T, p.Name+" has published what waited", func() bool { return p.Metric("doorward_outbox_oldest_seconds") < 1 })
	}
	deployment.Eventually(s.T, "sign-ins are acknowledged again", s.goesOn(load.SignIn))
}

// goesOn says whether operations of a kind have been acknowledged since.
func (s *suite) goesOn(kind load.Kind) func() bool {
	before := s.load.Ledger.Count(kind, load.Acknowledged)
	return func() bool { return s.load.Ledger.Count(kind, load.Acknowledged) > before }
}

// signs waits until an operator is told: by a metric that has risen above what it was, and by words that are new in the log.
func (s *suite) signs(p *deployment.Process, metric string, above float64, since int, words string) {
	s.Helper()
	deployment.Eventually(s.T, fmt.Sprintf("%s of %s says so", metric, p.Name), func() bool { return p.Metric(metric) > above })
	deployment.Eventually(s.T, fmt.Sprintf("%s logs %q", p.Name, words), func() bool { return strings.Contains(p.Log()[since:], words) })
}

// settle ends the load and holds the suite against what it acknowledged.
func (s *suite) settle() {
	s.Helper()
	s.stop()
	faults, figures := reconcile.Settle(s, reconcile.Suite{
		Sessions:    authnv1.NewSessionServiceClient(s.Dial(s.Authn)),
		Deliveries:  notifyv1.NewDeliveryServiceClient(s.Dial(s.Notify)),
		DeadLetters: operatorv1.NewDeadLetterServiceClient(s.Dial(s.Notify)),
		NATSURL:     s.Environment()["DOORWARD_NATS_URL"],
		NATSKeys:    s.Path("nats"),
	}, s.load, s.wasUnrecorded)
	for _, fault := range append(faults, reconcile.Enforce(s.Context(), s.load.Client(), s.load.Ledger)...) {
		s.Error(fault.Text)
	}
	for _, broken := range s.load.Ledger.Broken() {
		s.Error(broken)
	}
	s.Logf("%s%+v", s.load.Ledger.Table(), figures)
	s.must(s.load.Close())
}

// wasUnrecorded says whether a mail that was handed over within a span may have arrived without an answer.
func (s *suite) wasUnrecorded(from, to time.Time) bool {
	return slices.ContainsFunc(s.unrecorded, func(span [2]time.Time) bool { return !span[0].After(to) && !span[1].Before(from) })
}

// wait lets the load go on.
func (s *suite) wait(d time.Duration) {
	s.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.Context().Done():
		s.Fatal("the test's time is over")
	}
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}
