package decision_test

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/score"
	"github.com/doorward/doorward/services/risk/internal/signal"
)

func contribution(name signal.Name, strength signal.Strength, gate score.Gate, verdict score.Verdict) score.Contribution {
	return score.Contribution{Signal: signal.Signal{Name: name, Strength: strength, Reason: "a test"}, Gate: gate, Verdict: verdict}
}

func sample() decision.Record {
	r := decision.Record{
		ID: "dec_1", At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Purpose: decision.SignIn, AttemptID: "att_1", UserID: "usr_1",
		IP: netip.MustParseAddr("192.0.2.1"), Country: "DE", PolicyVersion: 3,
	}
	return r.Answer(score.Decision{Gate: score.Block, Verdict: score.VerifyDevice, Contributions: []score.Contribution{
		contribution(signal.AccountFailures, signal.Quiet, 0, score.Allow),
		contribution(signal.UnknownCountry, signal.Raised, 0, score.Allow), // its cap is to allow
		contribution(signal.NewCountry, signal.Raised, 0, score.VerifyDevice),
		contribution(signal.IPFailures, signal.High, score.Block, 0),
	}})
}

func TestSignalsStandStrongestFirst(t *testing.T) {
	r := sample()
	var order []signal.Name
	for _, c := range r.Contributions {
		order = append(order, c.Name)
	}
	want := []signal.Name{signal.IPFailures, signal.NewCountry, signal.UnknownCountry, signal.AccountFailures}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:2], r.Raised()); diff != "" {
		t.Errorf("raised (-want +got):\n%s", diff)
	}
}

func TestRecordComesBackWhole(t *testing.T) {
	want := sample()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got decision.Record
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestPurposeIsWrittenByName(t *testing.T) {
	var p decision.Purpose
	for _, text := range []string{"", "unset", "SIGN_IN", "2"} {
		if p.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q passed for a purpose", text)
		}
	}
}
