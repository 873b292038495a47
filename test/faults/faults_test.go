package faults_test

import (
	"flag"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/test/deployment"
	"github.com/doorward/doorward/test/load"
)

var (
	outage   = flag.Duration("outage", 2*time.Second, "how long each part is away")
	only     = flag.String("only", "", "the faults whose names contain this; all without it")
	rollback = flag.Duration("rollback", 3*time.Second, "how old the files are that NATS is put back to; events stay in the outbox for 15 minutes")
)

// fault takes something away, looks for its signs, and gives it back.
type fault struct {
	name string
	run  func(*suite)
}

// TestAllMendsItself goes through the faults. They share a deployment and its load, so that each finds the traces of those before.
func TestAllMendsItself(t *testing.T) {
	s := start(t)
	faults := []fault{
		{"NATS away", natsAway},
		{"NATS put back to older files", natsPutBack},
		{"risk away", riskAway},
		{"notify away", notifyAway},
		{"authn away", authnAway},
		{"mail server hangs", mailServerHangs},
	}
	if os.Geteuid() == 0 { // only root may mount a small disk
		const failed, refused = "doorward_store_commit_failures_total", "store commit failed"
		faults = append(faults,
			fault{"disk of authn full", func(s *suite) { diskFull(s, s.Authn, "data/authn", failed, refused) }},
			fault{"disk of notify full", func(s *suite) { diskFull(s, s.Notify, "data/notify", failed, refused) }},
			fault{"disk of risk full", func(s *suite) { diskFull(s, s.Risk, "data/risk", failed, refused) }},
			fault{"disk of NATS full", func(s *suite) { diskFull(s, s.NATS, "jetstream", "doorward_outbox_errors_total", "no space") }},
		)
	}
	for _, f := range faults {
		if !strings.Contains(f.name, *only) {
			continue
		}
		began := time.Now()
		f.run(s)
		s.calm()
		t.Logf("%s: over after %v", f.name, time.Since(began).Round(time.Millisecond))
	}
	s.settle()
}

// Sign-ins on known devices go on; codes and alerts wait.
func natsAway(s *suite) {
	since := len(s.Authn.Log())
	s.NATS.Kill()
	goesOn := s.goesOn(load.SignIn)
	s.wait(*outage)
	s.signs(s.Authn, "doorward_outbox_pending", 0, since, "bus: connection lost")
	if age := s.Authn.Metric("doorward_outbox_oldest_seconds"); age <= 0 {
		s.Errorf("the outbox's oldest event is %v s old", age)
	}
	deployment.Eventually(s.T, "known devices sign in without NATS", goesOn)
	s.Begin(s.NATS)
}

// NATS loses what it had acknowledged since: the outbox notices, and publishes it again.
func natsPutBack(s *suite) {
	s.NATS.Stop()
	older := s.TempDir()
	s.must(os.CopyFS(older, os.DirFS(s.Path("jetstream"))))
	s.Begin(s.NATS)
	lost := s.goesOn(load.SignIn)
	s.wait(*rollback)
	deployment.Eventually(s.T, "something has happened that NATS can lose", lost)
	s.calm() // what is in the outbox now is marked as published
	rewound, since := s.Authn.Metric("doorward_outbox_rewound_total"), len(s.Authn.Log())
	s.NATS.Kill()
	s.must(os.RemoveAll(s.Path("jetstream")))
	s.must(os.CopyFS(s.Path("jetstream"), os.DirFS(older)))
	s.Begin(s.NATS)
	s.signs(s.Authn, "doorward_outbox_rewound_total", rewound, since, "outbox:")
}

// Known devices sign in, unknown ones are verified as always, and nobody more easily.
func riskAway(s *suite) {
	before, since := s.Authn.Metric("doorward_authn_risk_failures_total"), len(s.Authn.Log())
	s.Risk.Kill()
	goesOn := s.goesOn(load.SignIn)
	s.wait(*outage)
	s.signs(s.Authn, "doorward_authn_risk_failures_total", before, since, "risk did not answer")
	deployment.Eventually(s.T, "known devices sign in without risk", goesOn)
	s.Begin(s.Risk)
}

// Mails and alerts wait; sign-ins on known devices, refreshes and revocations don't notice.
func notifyAway(s *suite) {
	now := time.Now()
	s.Notify.Kill()
	goesOn := s.goesOn(load.Revoke)
	s.wait(*outage)
	deployment.Eventually(s.T, "sessions are revoked without notify", goesOn)
	s.Begin(s.Notify)
	s.unrecorded = append(s.unrecorded, [2]time.Time{now, now})
}

// Nobody signs in; whoever is signed in is let in for as long as their token lives.
func authnAway(s *suite) {
	s.Authn.Kill()
	s.wait(*outage)
	s.Begin(s.Authn)
	deployment.Eventually(s.T, "people sign up again", s.goesOn(load.SignUp))
}

// The mail server takes connections and says nothing.
func mailServerHangs(s *suite) {
	before, since := s.Notify.Metric("doorward_notify_tries_failed_total"), len(s.Notify.Log())
	from := time.Now()
	s.must(syscall.Kill(s.Inbox.PID(), syscall.SIGSTOP))
	goesOn := s.goesOn(load.Refresh)
	s.wait(*outage)
	s.signs(s.Notify, "doorward_notify_tries_failed_total", before, since, `"level":"WARN"`)
	deployment.Eventually(s.T, "sessions are refreshed while no mail goes out", goesOn)
	s.must(syscall.Kill(s.Inbox.PID(), syscall.SIGCONT))
	s.unrecorded = append(s.unrecorded, [2]time.Time{from, time.Now()})
	deployment.Eventually(s.T, "codes come again", s.goesOn(load.SignUp))
}
