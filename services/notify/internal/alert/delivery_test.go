package alert_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/alert"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func schedule() alert.Schedule {
	return alert.Schedule{Pauses: []time.Duration{time.Second, time.Minute}, GiveUpAfter: time.Hour}
}

func delivery(kind alert.Kind) alert.Delivery {
	d := alert.New("dlv_1", "evt_1", kind, "ann@example.com", noon)
	if kind.Sealed() {
		d.ExpiresAt = noon.Add(10 * time.Minute)
	}
	return d
}

// in brings a delivery into a state by the ways that lead there.
func in(t *testing.T, kind alert.Kind, state alert.State) alert.Delivery {
	t.Helper()
	d := delivery(kind)
	ok := true
	switch state {
	case alert.Queued:
	case alert.Sending:
		ok = d.Begin(noon)
	case alert.Accepted:
		ok = d.Begin(noon) && d.Accept(noon)
	case alert.Failed:
		ok = d.Fail("no", noon)
	case alert.Dropped:
		ok = d.Drop("no", noon)
	}
	if !ok || d.State != state {
		t.Fatalf("no way to %s", state)
	}
	return d
}

var steps = map[string]func(*alert.Delivery, time.Time) bool{
	"begin":  func(d *alert.Delivery, now time.Time) bool { return d.Begin(now) },
	"resume": func(d *alert.Delivery, now time.Time) bool { return d.Resume(now) },
	"retry":  func(d *alert.Delivery, now time.Time) bool { return d.Retry(schedule(), "later", now) },
	"accept": func(d *alert.Delivery, now time.Time) bool { return d.Accept(now) },
	"fail":   func(d *alert.Delivery, now time.Time) bool { return d.Fail("never", now) },
	"drop":   func(d *alert.Delivery, now time.Time) bool { return d.Drop("unwanted", now) },
}

// TestStatesLeadWhereTheyAreDrawn is the picture in the package comment as a table; what isn't in it is refused.
func TestStatesLeadWhereTheyAreDrawn(t *testing.T) {
	drawn := map[alert.State]map[string]alert.State{
		alert.Queued:   {"begin": alert.Sending, "retry": alert.Queued, "accept": alert.Accepted, "fail": alert.Failed, "drop": alert.Dropped},
		alert.Sending:  {"resume": alert.Queued, "retry": alert.Queued, "accept": alert.Accepted, "fail": alert.Failed, "drop": alert.Dropped},
		alert.Accepted: {}, alert.Failed: {}, alert.Dropped: {},
	}
	for from, ways := range drawn {
		for name, step := range steps {
			d := in(t, alert.NewDevice, from)
			before := d
			ok := step(&d, noon.Add(time.Second))
			to, want := ways[name]
			switch {
			case ok != want:
				t.Errorf("%s from %s = %t, want %t", name, from, ok, want)
			case ok && d.State != to:
				t.Errorf("%s leads from %s to %s, want %s", name, from, d.State, to)
			case !ok && cmp.Diff(before, d) != "":
				t.Errorf("%s was refused from %s and changed the delivery:\n%s", name, from, cmp.Diff(before, d))
			}
		}
	}
}

func TestNothingLeadsOutOfAnEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := delivery(rapid.SampledFrom([]alert.Kind{alert.Code, alert.NewDevice, alert.Contained, alert.Abandoned, alert.SignUpTaken}).Draw(t, "kind"))
		names := rapid.SliceOf(rapid.SampledFrom([]string{"begin", "resume", "retry", "accept", "fail", "drop"})).Draw(t, "steps")
		end := alert.State("")
		for i, name := range names {
			steps[name](&d, noon.Add(time.Duration(i)*time.Minute))
			if end != "" && d.State != end {
				t.Fatalf("%s led from %s to %s", name, end, d.State)
			}
			if d.State.Settled() {
				end = d.State
			}
		}
	})
}

func TestAlertIsTriedByTheScheduleUntilItGivesUp(t *testing.T) {
	d := delivery(alert.NewDevice)
	var pauses []time.Duration
	for d.State == alert.Queued {
		now := d.NextTryAt
		if !d.Begin(now) || !d.Retry(schedule(), "the server is down", now) {
			t.Fatalf("stuck in %s", d.State)
		}
		if d.State == alert.Queued {
			pauses = append(pauses, d.NextTryAt.Sub(now))
		}
	}
	if d.State != alert.Failed || d.LastError != "the server is down" {
		t.Errorf("ended %s, %q", d.State, d.LastError)
	}
	// One second, then minutes; the hour after queueing is never passed.
	if pauses[0] != time.Second || pauses[1] != time.Minute || pauses[len(pauses)-1] != time.Minute || len(pauses) != 60 {
		t.Errorf("%d pauses, beginning %v", len(pauses), pauses[:2])
	}
}

func TestSealedMailWaitsForItsMessageAndNotForASchedule(t *testing.T) {
	d := delivery(alert.Code)
	for range 1000 {
		if !d.Begin(noon) || !d.Retry(schedule(), "later", noon.Add(2*time.Hour)) {
			t.Fatal("a sealed mail was given up by a schedule")
		}
	}
}

func TestOnlySealedMailsExpire(t *testing.T) {
	for kind, want := range map[alert.Kind]bool{alert.Code: true, alert.SignUpTaken: true, alert.NewDevice: false, alert.Contained: false, alert.Abandoned: false} {
		d := delivery(kind)
		if d.Expired(noon.Add(10*time.Minute)) != want || d.Expired(noon.Add(10*time.Minute-1)) {
			t.Errorf("%s: wrong about its expiry", kind)
		}
	}
	d := alert.New("dlv_1", "evt_1", alert.Code, "ann@example.com", noon)
	if !d.Expired(noon) {
		t.Error("a code without an expiry is good for ever")
	}
}

func TestALinkAnswersOnlyItsOwnDelivery(t *testing.T) {
	token, other := secret.New("cnt"), secret.New("cnt")
	alerted := delivery(alert.NewDevice)
	alerted.Token = secret.Hash(token)
	unlinked := delivery(alert.NewDevice)
	confirmation := delivery(alert.Contained)
	confirmation.Token = secret.Hash(token)
	tests := []struct {
		name      string
		delivery  alert.Delivery
		presented secret.Digest
		want      bool
	}{
		{"its own token", alerted, secret.Hash(token), true},
		{"another token", alerted, secret.Hash(other), false},
		{"no token", alerted, secret.Digest{}, false},
		{"a delivery without a link, and no token", unlinked, secret.Digest{}, false},
		{"a delivery without a link", unlinked, secret.Hash(token), false},
		{"a confirmation has no answer", confirmation, secret.Hash(token), false},
	}
	for _, test := range tests {
		if got := test.delivery.AnswersTo(test.presented); got != test.want {
			t.Errorf("%s: AnswersTo = %t", test.name, got)
		}
	}
}

func TestTheFirstAnswerStays(t *testing.T) {
	d := delivery(alert.NewDevice)
	if !d.Confirm(noon) || d.Confirm(noon.Add(time.Hour)) || !d.ConfirmedAt.Equal(noon) {
		t.Errorf("confirmed at %v", d.ConfirmedAt)
	}
}

func TestACauseIsOneShortLine(t *testing.T) {
	d := delivery(alert.NewDevice)
	d.Fail("one\r\ntwo "+strings.Repeat("é", 400), noon)
	if strings.ContainsAny(d.LastError, "\r\n") || len(d.LastError) > 300 || !strings.HasPrefix(d.LastError, "one two é") {
		t.Errorf("cause: %q", d.LastError)
	}
}

func TestMethodIsToldInWords(t *testing.T) {
	for _, test := range []struct {
		amr  []string
		want string
	}{
		{nil, ""},
		{[]string{"pwd"}, "password"},
		{[]string{"pwd", "otp"}, "password and a mailed code"},
		{[]string{"<b>"}, "another way"},
	} {
		if got := (alert.SignIn{AMR: test.amr}).Method(); got != test.want {
			t.Errorf("%v: %q, want %q", test.amr, got, test.want)
		}
	}
}

func TestNoScheduleIsNoStorm(t *testing.T) {
	if got := (alert.Schedule{}).Pause(1); got < time.Second {
		t.Errorf("pause %v", got)
	}
	if got := schedule().Pause(0); got != time.Second {
		t.Errorf("pause before the first try: %v", got)
	}
}

func TestNoMailGoesBelowInvalid(t *testing.T) {
	for email, want := range map[string]bool{
		"ann@selftest.invalid": true, "ann@invalid": true, "ann@Selftest.INVALID.": true,
		"ann@example.com": false, "invalid@example.com": false, "ann@notinvalid": false, "ann@invalid.example.com": false,
	} {
		d := alert.New("dlv_1", "evt_1", alert.Code, email, noon)
		if d.Nowhere() != want {
			t.Errorf("%s: nowhere = %t, want %t", email, !want, want)
		}
	}
}
