package risk_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/risk"
)

func TestHistoryCountersAndDecisionsSurviveARestart(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.publish(d.signedIn("usr_1", 1, "DE", ""), d.signedIn("usr_1", 2, "FR", ""), d.containedSession("usr_1", 3, 2))
	for n := range 5 {
		d.publish(d.fail(n, "BR", "usr_2", ""))
	}
	d.applied(bus.StreamAuthn, 3)
	d.applied(bus.StreamAttempts, 5)
	decided := d.from("usr_1", "DE").GetDecisionId()
	d.stop()

	d.clock.forward(time.Minute)
	d.start()
	_, err := riskv1.NewDecisionServiceClient(d.dial("operator")).ExplainDecision(deadline(t),
		&riskv1.ExplainDecisionRequest{DecisionId: decided})
	must(t, err)
	d.clock.forward(week - time.Hour) // time to travel; the failures are forgotten by then
	d.wantAnswer(d.from("usr_1", "DE"), open, allow)
	d.wantAnswer(d.from("usr_1", "FR"), open, verify, "country.new")
	d.stop()

	d.clock.forward(-week + time.Hour)
	d.start()
	d.wantAnswer(d.from("usr_2", "DE"), open, verify, "failures.account")
}

func TestHistorySurvivesARollbackOfNATS(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.publish(d.signedIn("usr_1", 1, "DE", ""), d.signedIn("usr_1", 2, "BR", ""))
	d.applied(bus.StreamAuthn, 2)
	d.stop()
	d.nats.Stop()
	older := d.copyFiles("jetstream")
	d.startNATS()
	d.start()
	third, fourth := d.signedIn("usr_1", 3, "FR", ""), d.containedSession("usr_1", 4, 2)
	d.publish(third, fourth)
	d.applied(bus.StreamAuthn, 2)

	// The power cut while risk runs: the tail is gone, and another user's event takes its place before the outbox publishes it again.
	d.nats.Stop()
	d.putBack("jetstream", older)
	d.startNATS()
	d.publish(d.signedIn("usr_2", 1, "JP", ""), third, fourth)
	d.applied(bus.StreamAuthn, 2+5) // the whole stream is read again, because its tail is another one
	d.clock.forward(week)
	check := func() {
		t.Helper()
		d.wantAnswer(d.from("usr_2", "DE"), open, verify, "country.new")
		d.wantAnswer(d.from("usr_1", "DE"), open, allow)
		d.wantAnswer(d.from("usr_1", "FR"), open, allow)
		d.wantAnswer(d.from("usr_1", "BR"), open, verify, "country.new")
	}
	check()
	d.stop()
	d.start()
	d.clock.forward(time.Hour) // the tries of this test are forgotten
	check()
}

func TestMalformedEventsArePassedOverAndBlockNobody(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	halfASignIn := d.signedIn("usr_1", 1, "DE", "")
	halfASignIn.Data = halfASignIn.Data[:len(halfASignIn.Data)-1]
	anothers := d.signedIn("usr_1", 2, "DE", "")
	anothers.Key = "usr_2"
	noFailure := d.fail(1, "DE", "usr_1", "")
	noFailure.Data = []byte("no proto")
	d.publish(halfASignIn, anothers, noFailure, d.signedIn("usr_1", 3, "FR", ""), d.fail(2, "DE", "usr_1", ""))
	d.publishRaw("doorward.event.authn.signin.succeeded", "no event at all")
	d.publish(d.signedIn("usr_3", 1, "FR", ""))
	d.applied(bus.StreamAuthn, 5)
	d.applied(bus.StreamAttempts, 2)

	d.clock.forward(week)
	d.wantAnswer(d.from("usr_1", "DE"), open, verify, "country.new")
	d.wantAnswer(d.from("usr_2", "DE"), open, allow)
	d.wantAnswer(d.from("usr_3", "DE"), open, verify, "country.new")
	if skipped := d.metric("doorward_bus_deliveries_total", "outcome", "skip"); skipped != 3 {
		t.Errorf("%v events were counted as passed over, want 3", skipped)
	}
	if foreign := d.metric("doorward_bus_deliveries_total", "outcome", "foreign"); foreign != 1 {
		t.Errorf("%v messages were counted as foreign, want 1", foreign)
	}
	if n := strings.Count(d.log.String(), "outcome=skip"); n != 3 {
		t.Errorf("%d lines in the log, want 3:\n%s", n, d.log)
	}
	d.stop()
	d.start()
	d.wantAnswer(d.from("usr_3", "DE"), open, verify, "country.new")
}

// publishRaw sends what isn't an event, with authn's right to publish.
func (d *deployment) publishRaw(subject, text string) {
	d.Helper()
	conn := d.as(bus.Authn)
	defer conn.Close()
	_, err := conn.JetStream().PublishMsg(deadline(d), &nats.Msg{Subject: subject, Data: []byte(text)})
	must(d, err)
}

func TestNotServingUntilTheEventsHaveBeenRead(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	d.publish(d.signedIn("usr_1", 1, "DE", ""))
	d.nats.Stop()
	d.run()
	_, err := d.ask(func(*riskv1.AssessRequest) {})
	if f, ok := fault.As(err); !ok || f.Kind != fault.Unavailable || f.Reason != typev1.Reason_REASON_UNAVAILABLE || f.RetryAfter == 0 {
		t.Errorf("Assess = %v, want UNAVAILABLE with RetryInfo", err)
	}
	if d.healthy() {
		t.Error("healthy without a history")
	}
	d.startNATS()
	d.eventually("risk serves", d.healthy)
	d.clock.forward(week)
	d.wantAnswer(d.from("usr_1", "BR"), open, verify, "country.new")

	// Once it has caught up, it goes on without NATS.
	d.nats.Stop()
	d.wantAnswer(d.from("usr_1", "DE"), open, allow)
	if !d.healthy() {
		t.Error("not healthy though it answers")
	}
	d.startNATS()
}

// forgetOldest makes the stream drop what risk hasn't read yet, as age does in time.
func (d *deployment) forgetOldest() {
	d.Helper()
	operator := d.as(bus.Operator)
	defer operator.Close()
	stream, err := operator.JetStream().Stream(deadline(d), bus.StreamAuthn)
	must(d, err)
	cfg := stream.CachedInfo().Config
	cfg.MaxMsgs = 2
	_, err = operator.JetStream().UpdateStream(deadline(d), cfg)
	must(d, err)
}

func TestAHistoryWithAGapIsNotServed(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.publish(d.signedIn("usr_1", 1, "DE", ""))
	d.applied(bus.StreamAuthn, 1)
	d.stop()
	for n := range uint64(4) {
		d.publish(d.signedIn("usr_2", n+1, "JP", ""))
	}
	d.forgetOldest()

	service, err := risk.New(deadline(t), d.config(), risk.Deps{Logger: quiet(), Registerer: prometheus.NewRegistry(), Now: d.clock.now})
	must(t, err)
	if err := service.Run(deadline(t)); !errors.Is(err, bus.ErrGap) || !strings.Contains(err.Error(), "rebuild_on_gap") {
		t.Errorf("Run = %v, want ErrGap and what to do", err)
	}
	// The operator decides to go on with what there is.
	d.change = func(c *risk.Config) { c.RebuildOnGap = true }
	d.start()
	d.clock.forward(week)
	d.wantAnswer(d.from("usr_2", "DE"), open, verify, "country.new")
	d.wantAnswer(d.from("usr_1", "BR"), open, allow)
	if !strings.Contains(d.log.String(), "the history is built anew") {
		t.Error("nobody is told")
	}
}

func TestEventsThatSayNothingAreReadOnce(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.publish(row("evt_other", changed, "usr_1", 1, d.clock.now(), &eventv1.PasswordChanged{UserId: "usr_1"}))
	d.applied(bus.StreamAuthn, 1)
	d.wantAnswer(d.from("usr_1", "BR"), open, allow)
	d.stop()
	d.start()
	if n := d.metric("doorward_bus_deliveries_total", "stream", bus.StreamAuthn); n != 0 {
		t.Errorf("%v events were applied again", n)
	}
}

func TestWhatIsMissingAtTheStartIsNamed(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	start := func(change func(*risk.Config)) error {
		cfg := d.config()
		change(&cfg)
		s, err := risk.New(deadline(t), cfg, risk.Deps{Logger: quiet(), Registerer: prometheus.NewRegistry(), Now: time.Now})
		if err == nil {
			err = s.Close()
			t.Error("started without what it needs")
		}
		return err
	}
	notACA := filepath.Join(d.dir, "empty.pem")
	must(t, os.WriteFile(notACA, nil, 0o600))
	for want, change := range map[string]func(*risk.Config){
		"doorward certs":        func(c *risk.Config) { c.Certs = d.path("nowhere") },
		"no such file":          func(c *risk.Config) { c.NATS.Seed = d.path("nowhere") },
		"holds no certificate":  func(c *risk.Config) { c.NATS.CA = notACA },
		"isn't host:port":       func(c *risk.Config) { c.Listen = "7402" },
		"can't connect to NATS": func(c *risk.Config) { c.NATS.Seed = d.strangersSeed() },
	} {
		if err := start(change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want it to say %q", err, want)
		}
	}
	// What was opened before the fault is free again.
	d.start()
	taken := d.config()
	taken.DataDir, taken.Listen = d.path("other"), d.service.Addr().String()
	if _, err := risk.New(deadline(t), taken, risk.Deps{Logger: quiet(), Registerer: prometheus.NewRegistry(), Now: time.Now}); err == nil ||
		!strings.Contains(err.Error(), " in use") {
		t.Errorf("New = %v, want it to say how to move", err)
	}
	if _, err := risk.New(deadline(t), d.config(), risk.Deps{}); err == nil {
		t.Error("started without a logger")
	}
}

func TestDevelopmentMaterialNeedsToBeAllowed(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	cfg := d.config()
	cfg.Certs = d.path("development")
	_, err := certs.Create(cfg.Certs, []string{"risk"}, certs.Options{Now: time.Now(), Development: true})
	must(t, err)
	seed, err := os.ReadFile(cfg.NATS.Seed)
	must(t, err)
	must(t, secret.ReplaceFile(cfg.NATS.Seed, secret.ForDevelopment.On(seed)))
	_, err = risk.New(deadline(t), cfg, risk.Deps{Logger: quiet(), Registerer: prometheus.NewRegistry(), Now: time.Now})
	for _, file := range []string{"ca.pem", cfg.NATS.Seed} {
		if !errors.Is(err, secret.ErrDevelopment) || !strings.Contains(err.Error(), file) {
			t.Errorf("New = %v, want ErrDevelopment that names %s", err, file)
		}
	}
	cfg.Development = true
	s, err := risk.New(deadline(t), cfg, risk.Deps{Logger: quiet(), Registerer: prometheus.NewRegistry(), Now: time.Now})
	must(t, err)
	must(t, s.Close())
}

// strangersSeed is a key that NATS doesn't know.
func (d *deployment) strangersSeed() string {
	d.Helper()
	dir := filepath.Join(d.TempDir(), "nats")
	_, err := bus.CreateIdentities(dir)
	must(d, err)
	return bus.SeedFile(dir, bus.Risk)
}

func TestBootstrapSetsTheFirstPolicyOnly(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	unknownAllowed := func(p *risk.Policy) { p.Caps.UnknownCountry = risk.Allow }
	must(t, risk.Bootstrap(deadline(t), d.path("data"), time.Now, unknownAllowed))
	must(t, risk.Bootstrap(deadline(t), d.path("data"), time.Now, func(p *risk.Policy) { p.Caps.UnknownCountry = risk.Refuse }))
	if err := risk.Bootstrap(deadline(t), d.path("other"), time.Now, func(p *risk.Policy) { *p = risk.Policy{} }); err == nil {
		t.Error("an invalid policy was stored")
	}
	d.start()
	d.wantAnswer(d.from("usr_1", ""), open, allow)
	if err := risk.Bootstrap(context.WithoutCancel(deadline(t)), d.path("data"), time.Now, unknownAllowed); err == nil {
		t.Error("the file of a running service was changed")
	}
}

func TestNoAddressOrUserInTheLog(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.from("usr_planted", "DE")
	bad := d.signedIn("usr_planted", 1, "DE", "")
	bad.ID, bad.Key = "evt_bad", "usr_other"
	d.publish(bad)
	d.applied(bus.StreamAuthn, 1)
	for _, planted := range []string{"usr_planted", d.address("DE")} {
		if strings.Contains(d.log.String(), planted) {
			t.Errorf("%q is in the log:\n%s", planted, d.log)
		}
	}
}
