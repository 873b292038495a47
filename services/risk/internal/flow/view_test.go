package flow_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/flow"
	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/score"
	"github.com/doorward/doorward/services/risk/internal/signal"
	"github.com/doorward/doorward/services/risk/internal/store"
)

func TestContainedSignInsCountryIsNewAgain(t *testing.T) {
	w := newWorld(t, nil)
	w.signedIn(w.assess("usr_1", berlin))
	w.clock.forward(7 * 24 * time.Hour)
	intruders := w.signedIn(w.assess("usr_1", bahia))
	wantAnswer(t, w.assess("usr_1", bahia), score.Open, score.Allow)
	must(t, w.View.Contained(t.Context(), flow.Containment{UserID: "usr_1", SessionIDs: []string{"ses_unknown", intruders}}, w.cursor()))
	wantAnswer(t, w.assess("usr_1", bahia), score.Open, score.VerifyDevice, signal.NewCountry)
	wantAnswer(t, w.assess("usr_1", berlin), score.Open, score.Allow)
}

// An intruder who signs in over and over, and out again, leaves sign-ins whose sessions the containment can't name.
func TestAnIntruderDoesntMakeACountryTheOwners(t *testing.T) {
	w := newWorld(t, nil)
	w.signedIn(w.assess("usr_1", berlin))
	w.clock.forward(7 * 24 * time.Hour)
	began := w.clock.Now()
	var last string
	for range 2 * history.MaxRecent {
		last = w.signedIn(w.assess("usr_1", bahia))
	}
	w.clock.forward(time.Minute)
	c := flow.Containment{UserID: "usr_1", SessionIDs: []string{last}, SignedInAt: began, At: w.clock.Now()}
	must(t, w.View.Contained(t.Context(), c, w.cursor()))
	wantStrength(t, w.assess("usr_1", bahia), signal.NewCountry, signal.Raised)
	wantAnswer(t, w.assess("usr_1", berlin), score.Open, score.Allow)

	// Once the owner is there, the country is known; the containment's event coming again changes nothing.
	w.clock.forward(time.Hour)
	w.signedIn(w.assess("usr_1", bahia))
	must(t, w.View.Contained(t.Context(), c, w.cursor()))
	wantStrength(t, w.assess("usr_1", bahia), signal.NewCountry, signal.Quiet)
}

func TestEventsThatComeAgainChangeNothing(t *testing.T) {
	w := newWorld(t, nil)
	s := flow.SignedIn{EventID: "evt_1", UserID: "usr_1", UserVersion: 3, SessionID: "ses_1", At: noon, IP: berlin}
	first, later := w.cursor(), w.cursor()
	must(t, w.View.SignedIn(t.Context(), s, first))
	must(t, w.View.Contained(t.Context(), flow.Containment{UserID: "usr_1", SessionIDs: []string{"ses_1"}}, later))
	var want history.History
	w.view(func(tx store.Tx) (err error) { want, err = tx.Histories.Get("usr_1"); return err })

	must(t, w.View.SignedIn(t.Context(), s, first))
	must(t, w.View.Contained(t.Context(), flow.Containment{UserID: "usr_1", SessionIDs: []string{"ses_1"}}, later))
	w.view(func(tx store.Tx) error {
		got, err := tx.Histories.Get("usr_1")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
		return err
	})
	if got, err := w.View.Cursor(t.Context()); err != nil || got != later {
		t.Errorf("cursor = %+v, %v; want %+v", got, err, later)
	}
}

// paused is a store whose next read ends when the test says so, after it has read.
type paused struct {
	store.Store
	armed    atomic.Bool
	read, on chan struct{}
}

func (p *paused) View(ctx context.Context, fn func(store.Tx) error) error {
	err := p.Store.View(ctx, fn)
	if p.armed.CompareAndSwap(true, false) {
		close(p.read)
		<-p.on
	}
	return err
}

func TestAHistoryReadBeforeAChangeIsNotKept(t *testing.T) {
	p := &paused{read: make(chan struct{}), on: make(chan struct{})}
	w := newWorld(t, func(d *flow.Deps) { p.Store, d.Store = d.Store, p })
	p.armed.Store(true)
	ended := make(chan error, 1)
	go func() {
		_, err := w.Assessments.Assess(t.Context(), flow.Question{UserID: "usr_1", IP: berlin})
		ended <- err
	}()
	<-p.read
	at := w.cursor()
	must(t, w.View.SignedIn(t.Context(), flow.SignedIn{EventID: "evt_9", UserID: "usr_1", UserVersion: 1, SessionID: "ses_9", At: noon, IP: berlin}, at))
	close(p.on)
	must(t, <-ended)
	wantStrength(t, w.assess("usr_1", bahia), signal.NewCountry, signal.Raised)
}

func TestAssessmentsSeeWhatTheViewHasApplied(t *testing.T) {
	w := newWorld(t, nil)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if _, err := w.Assessments.Assess(t.Context(), flow.Question{UserID: "usr_1", IP: berlin}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	w.signedIn(w.assess("usr_1", berlin))
	for range 50 {
		session := w.signedIn(w.assess("usr_1", bahia))
		wantStrength(t, w.assess("usr_1", bahia), signal.NewCountry, signal.Quiet)
		must(t, w.View.Contained(t.Context(), flow.Containment{UserID: "usr_1", SessionIDs: []string{session}}, w.cursor()))
		wantStrength(t, w.assess("usr_1", bahia), signal.NewCountry, signal.Raised)
	}
	close(stop)
	wg.Wait()
}

func wantStrength(t *testing.T, r decision.Record, name signal.Name, want signal.Strength) {
	t.Helper()
	for _, c := range r.Contributions {
		if c.Name == name && c.Strength != want {
			t.Errorf("%s is %v, want %v: %s", name, c.Strength, want, c.Reason)
		}
	}
}

func TestOutcomeSettlesTheTryItBegan(t *testing.T) {
	w := newWorld(t, nil)
	limit := score.DefaultPolicy().Limits.AccountFailuresRaised
	for range 3 * limit {
		w.signedIn(w.assess("usr_1", berlin))
	}
	wantAnswer(t, w.assess("usr_1", berlin), score.Open, score.Allow)
	for range limit {
		r := w.assess("usr_1", berlin)
		// Told twice, and counted once all the same, since the assessment.
		w.View.Failed(history.Try{Ref: r.ID, IP: berlin, Account: account("usr_1")}, w.clock.Now())
		w.View.Failed(history.Try{Ref: r.ID, IP: berlin, Account: account("usr_1")}, w.clock.Now())
	}
	r := w.assess("usr_1", berlin)
	wantAnswer(t, r, score.Open, score.VerifyDevice, signal.AccountFailures)
	if r.Contributions[0].Value != "6" {
		t.Errorf("failures = %s, want those of this test and one that is open", r.Contributions[0].Value)
	}
}

func TestFailuresAreCountedAfterARestart(t *testing.T) {
	w := newWorld(t, nil)
	for _, ref := range []string{"dec_1", "dec_2", "dec_3", "evt_4", "evt_5", "evt_5"} {
		w.View.Failed(history.Try{Ref: ref, IP: berlin, Account: account("usr_1")}, noon.Add(-time.Minute))
	}
	w.View.Failed(history.Try{Ref: "dec_old", IP: berlin, Account: account("usr_1")}, noon.Add(-time.Hour))
	r := w.assess("usr_1", berlin)
	wantAnswer(t, r, score.Open, score.VerifyDevice, signal.AccountFailures)
	if r.Contributions[0].Value != "5" {
		t.Errorf("failures = %s, want 5", r.Contributions[0].Value)
	}
}

func TestCursorFollowsEventsThatSayNothing(t *testing.T) {
	w := newWorld(t, nil)
	want := w.cursor()
	must(t, w.View.Passed(t.Context(), want))
	check := func() {
		t.Helper()
		if got, err := w.View.Cursor(t.Context()); err != nil || got != want {
			t.Errorf("cursor = %+v, %v; want %+v", got, err, want)
		}
	}
	check()
	w.clock.forward(59 * time.Minute)
	must(t, w.View.Passed(t.Context(), w.cursor())) // not worth a commit
	check()
	w.clock.forward(time.Minute)
	want = w.cursor()
	must(t, w.View.Passed(t.Context(), want))
	check()
	want = w.cursor()
	want.StreamCreated = noon // another stream
	must(t, w.View.Passed(t.Context(), want))
	check()
}
