package risk_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/outbox"
)

const (
	open      = riskv1.Gate_GATE_OPEN
	challenge = riskv1.Gate_GATE_CHALLENGE
	block     = riskv1.Gate_GATE_BLOCK

	allow  = riskv1.Verdict_VERDICT_ALLOW
	verify = riskv1.Verdict_VERDICT_VERIFY_DEVICE
)

const week = 7 * 24 * time.Hour

func TestNewCountryIsVerifiedAndAContainedOneIsNewAgain(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	first := d.from("usr_1", "DE")
	d.wantAnswer(first, open, allow)
	if p := first.GetPlace(); p.GetCountryCode() != "DE" || p.GetCountryName() != "Germany" {
		t.Errorf("place = %v", p.GetCountryCode())
	}
	d.publish(d.signedIn("usr_1", 1, "DE", first.GetDecisionId()))
	d.applied(bus.StreamAuthn, 1)

	d.clock.forward(week)
	strange := d.from("usr_1", "BR")
	d.wantAnswer(strange, open, verify, "country.new")
	// The stranger passes the second check all the same, and may come back, until the owner says so.
	d.publish(d.signedIn("usr_1", 2, "BR", strange.GetDecisionId()))
	d.applied(bus.StreamAuthn, 2)
	d.wantAnswer(d.from("usr_1", "BR"), open, allow)
	d.publish(d.containedSession("usr_1", 3, 2))
	d.applied(bus.StreamAuthn, 3)
	d.wantAnswer(d.from("usr_1", "BR"), open, verify, "country.new")
	d.wantAnswer(d.from("usr_1", "DE"), open, allow)
}

func TestImpossibleTravelIsVerified(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.publish(d.signedIn("usr_1", 1, "BR", ""))
	d.clock.forward(week)
	d.publish(d.signedIn("usr_1", 2, "DE", ""))
	d.applied(bus.StreamAuthn, 2)
	d.clock.forward(time.Hour)
	d.wantAnswer(d.from("usr_1", "BR"), open, verify, "travel.impossible")
	d.clock.forward(24 * time.Hour)
	d.wantAnswer(d.from("usr_1", "BR"), open, allow)
}

func TestUnknownCountryIsVerified(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	r := d.from("usr_1", "")
	d.wantAnswer(r, open, verify, "country.unknown")
	if p := r.GetPlace(); p.GetCountryCode() != "" || p.GetCountryName() != "" {
		t.Errorf("place = %v, want none", p.GetCountryCode())
	}
}

// fail is the event of a failed password from a country against an identifier.
func (d *deployment) fail(n int, country, account, decisionID string) outbox.Row {
	d.Helper()
	return row(fmt.Sprintf("evt_failed_%d", n), failed, "", 0, d.clock.now(), &eventv1.SignInFailed{
		AttemptId: "att_1", AccountKey: key(account), Ip: d.address(country), Factor: "password", FailedAt: timestamppb.New(d.clock.now()),
		DecisionId: decisionID,
	})
}

func TestFailuresOfAnAddressRaiseTheGateForKnownAndUnknownUsersAlike(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.publish(d.signedIn("usr_1", 1, "DE", ""))
	d.applied(bus.StreamAuthn, 1)
	for n := range 30 {
		d.publish(d.fail(n, "DE", fmt.Sprint("account ", n), ""))
	}
	d.applied(bus.StreamAttempts, 30)
	d.wantAnswer(d.from("usr_1", "DE"), challenge, allow, "failures.ip")
	d.wantAnswer(d.assess(func(r *riskv1.AssessRequest) { r.UserId, r.AccountKey = "", key("nobody") }), challenge, allow, "failures.ip")
	d.wantAnswer(d.from("usr_2", "BR"), open, allow)
	for n := range 120 {
		d.assess(func(r *riskv1.AssessRequest) { r.UserId, r.AccountKey = "", key(fmt.Sprint("guess ", n)) })
	}
	d.wantAnswer(d.from("usr_1", "DE"), block, allow, "failures.ip")
}

func TestFailuresAgainstAnAccountAskForASecondCheckAndSuccessTakesThemBack(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	var decisions []string
	for range 5 {
		decisions = append(decisions, d.from("usr_1", "DE").GetDecisionId())
	}
	last := d.from("usr_1", "DE")
	d.wantAnswer(last, open, verify, "failures.account")
	// All of them were sign-ins under way, one of which failed first.
	d.publish(d.fail(0, "DE", "usr_1", decisions[0]))
	d.applied(bus.StreamAttempts, 1)
	for n, decision := range append(decisions, last.GetDecisionId()) {
		d.publish(d.signedIn("usr_1", uint64(n+1), "DE", decision))
	}
	d.applied(bus.StreamAuthn, 6)
	d.wantAnswer(d.from("usr_1", "DE"), open, allow)
}
