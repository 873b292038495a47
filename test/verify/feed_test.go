package verify_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/doorward/doorward/sdk/doorwardtest"
	"github.com/doorward/doorward/sdk/verify"
	"github.com/doorward/doorward/test/testbed"
)

func check(t testing.TB, dw *doorwardtest.Doorward, sessionID string, want error) {
	t.Helper()
	_, err := dw.Verifier.Verify(t.Context(), dw.Token("usr_1", doorwardtest.Session(sessionID)))
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", sessionID, err, want)
	}
}

func TestRevocationsReachTheVerifierByNATS(t *testing.T) {
	d := newDeployment(t)
	d.revoke("ses_before")
	d.beat()
	dw, applied := d.guard()
	if stats := dw.Verifier.Stats(); !stats.FeedFresh || stats.Revoked != 1 {
		t.Fatalf("at the start: %+v", stats)
	}
	check(t, dw, "ses_before", verify.ErrSessionEnded)
	check(t, dw, "ses_1", nil)
	d.revoke("ses_1")
	testbed.Await(t, applied, "doorward.revocation.session.ses_1")
	check(t, dw, "ses_1", verify.ErrSessionEnded)
	check(t, dw, "ses_2", nil)
}

// A stuck outbox sends no heartbeats. The connection is well, and all the same the feed grows old.
func TestFeedAgesWithoutHeartbeats(t *testing.T) {
	d, clock := newDeployment(t), new(skewed)
	d.beat()
	dw, applied := d.guard(func(c *verify.Config) { c.Now = clock.now })
	if !dw.Verifier.Stats().FeedFresh {
		t.Fatal("not fresh at the start")
	}
	clock.advance(6 * time.Second)
	d.revoke("ses_1")
	testbed.Await(t, applied, "doorward.revocation.session.ses_1")
	if stats := dw.Verifier.Stats(); stats.FeedFresh || stats.FeedAge < 6*time.Second {
		t.Errorf("%+v", stats)
	}
	d.beat()
	testbed.Await(t, applied, "doorward.revocation.heartbeat")
	if stats := dw.Verifier.Stats(); !stats.FeedFresh {
		t.Errorf("%+v", stats)
	}
}

// A server that comes back empty counts from one again: a reader that went on from its last sequence would hear nothing.
func TestVerifierOutlivesAServerThatLostItsStreams(t *testing.T) {
	d := newDeployment(t)
	for i := range 50 {
		d.revoke(fmt.Sprint("ses_old_", i))
	}
	d.beat()
	dw, applied := d.guard()
	d.restartEmpty()
	d.revoke("ses_1")
	d.beat()
	testbed.Await(t, applied, "doorward.revocation.session.ses_1")
	check(t, dw, "ses_1", verify.ErrSessionEnded)
	check(t, dw, "ses_old_0", verify.ErrSessionEnded)
	check(t, dw, "ses_2", nil)
}
