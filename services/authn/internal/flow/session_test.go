package flow_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/session"
)

func TestVerifyChecksTheTokenAndTheSession(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*world, *flow.Grant)
		reason typev1.Reason
	}{
		"no token":      {func(_ *world, g *flow.Grant) { g.SessionToken = secret.Text{} }, typev1.Reason_REASON_SESSION_TOKEN_INVALID},
		"refresh token": {func(_ *world, g *flow.Grant) { g.SessionToken = g.RefreshToken }, typev1.Reason_REASON_SESSION_TOKEN_INVALID},
		"another deployment's token": {
			func(w *world, g *flow.Grant) { g.SessionToken = newWorld(w.t).laptop().enrol(ada, right).SessionToken },
			typev1.Reason_REASON_SESSION_TOKEN_INVALID,
		},
		"old token": {
			func(w *world, _ *flow.Grant) { w.clock.advance(w.rules.SessionTokenLifetime) }, typev1.Reason_REASON_SESSION_TOKEN_EXPIRED,
		},
		"revoked session": {func(w *world, g *flow.Grant) {
			_, err := w.sessions.Revoke(w.t.Context(), operator, g.Session.ID, "")
			w.must(err)
		}, typev1.Reason_REASON_SESSION_ENDED},
		"raised epoch": {func(w *world, g *flow.Grant) { w.raiseEpoch(g.Session.UserID) }, typev1.Reason_REASON_SESSION_ENDED},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			grant := w.laptop().enrol(ada, right)
			_, err := w.sessions.Verify(t.Context(), w.app, grant.SessionToken)
			w.must(err)
			tt.change(w, &grant)
			_, err = w.sessions.Verify(t.Context(), w.app, grant.SessionToken)
			expectFault(t, err, fault.Unauthenticated, tt.reason)
		})
	}
}

// TestAnEndedSessionIsRefusedByTheNextCall: others verify it all the while, so that it is read before, during and after the commit that
// ends it. Whoever calls once that is answered gets no older answer.
func TestAnEndedSessionIsRefusedByTheNextCall(t *testing.T) {
	const rounds, verifiers = 15, 3
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	for name, end := range map[string]func(session.Session){
		"revoked": func(s session.Session) {
			_, err := w.sessions.Revoke(t.Context(), operator, s.ID, "")
			w.must(err)
		},
		"of an older epoch": func(s session.Session) { w.raiseEpoch(s.UserID) },
	} {
		for range rounds {
			grant := laptop.enter(ada, right)
			var ended, stop atomic.Bool
			var running sync.WaitGroup
			for range verifiers {
				running.Go(func() {
					for !stop.Load() {
						late := ended.Load()
						if _, err := w.sessions.Verify(t.Context(), w.app, grant.SessionToken); err == nil && late {
							t.Errorf("%s: let in after its end was answered", name)
						}
					}
				})
			}
			end(grant.Session)
			ended.Store(true)
			for range verifiers {
				_, err := w.sessions.Verify(t.Context(), w.app, grant.SessionToken)
				expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)
			}
			stop.Store(true)
			running.Wait()
		}
	}
}

func TestATokenIsVerifiedForItsOwnAudienceAlone(t *testing.T) {
	w := newWorld(t)
	grant := w.laptop().enrol(ada, right)
	for name, applicationID := range map[string]string{"another application": w.otherApp, "none": "app_unknown"} {
		_, err := w.sessions.Verify(t.Context(), applicationID, grant.SessionToken)
		if err == nil {
			t.Errorf("%s learns of the session", name)
			continue
		}
		expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_INVALID)
	}
}

func TestSessionsAreListedNewestFirstPageByPage(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grants := []flow.Grant{laptop.enrol(ada, right)}
	for range 4 {
		w.clock.advance(time.Second)
		grants = append(grants, laptop.enter(ada, right))
	}
	userID := grants[0].Session.UserID
	var want []string
	for i := range grants {
		want = append(want, grants[len(grants)-1-i].Session.ID)
	}
	for name, tt := range map[string]struct {
		whose flow.Whose
		limit int
		pages int
	}{
		"by id, in twos":     {flow.Whose{UserID: userID}, 2, 3},
		"by email, in fives": {flow.Whose{Email: "ADA@example.org"}, 5, 1},
		"by id, at once":     {flow.Whose{UserID: userID}, 100, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			pages := 0
			for before := ""; pages == 0 || before != ""; pages++ {
				var page []session.Session
				var err error
				page, before, err = w.sessions.List(t.Context(), tt.whose, before, tt.limit)
				w.must(err)
				for _, s := range page {
					got = append(got, s.ID)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" || pages != tt.pages {
				t.Errorf("%d pages (-want +got):\n%s", pages, diff)
			}
		})
	}
	page, next, err := w.sessions.List(t.Context(), flow.Whose{UserID: userID}, "", 0)
	if len(page) != 0 || next != "" || err != nil {
		t.Errorf("a page of none has %d sessions, next %q, %v", len(page), next, err)
	}
}

func TestSessionsOfNobodyArentFound(t *testing.T) {
	w := newWorld(t)
	for _, whose := range []flow.Whose{{UserID: "usr_unknown"}, {Email: nobody}} {
		_, _, err := w.sessions.List(t.Context(), whose, "", 10)
		expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
	}
	_, _, err := w.sessions.List(t.Context(), flow.Whose{Email: "no address"}, "", 10)
	expectFault(t, err, fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
}

func TestRevokeEndsASessionOnceAndIsAuditedEachTime(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	var first session.Session
	rows := w.rowsDuring(func() {
		var err error
		first, err = w.sessions.Revoke(t.Context(), operator, grant.Session.ID, "lost laptop")
		w.must(err)
	})
	expectTypes(t, rows, "revocation.session.v1", "authn.session.revoked.v1")
	_, revoked := decoded(t, rows, "authn.session.revoked.v1", new(eventv1.SessionRevoked))
	if first.End != session.EndRevoked || revoked.GetCause() != "revoked" || revoked.GetUserId() != grant.Session.UserID {
		t.Errorf("ended as %q, told as %q", first.End, revoked.GetCause())
	}
	want := audit.Record{
		At: w.clock.Now(), Actor: operator.Actor, Action: "session.revoke", Target: audit.Target{Kind: "session", ID: grant.Session.ID},
		Authority: operator.Authority, Reason: "lost laptop", Outcome: audit.Done, RequestID: operator.RequestID,
	}
	if diff := cmp.Diff(want, w.lastAudit(), cmpopts.IgnoreFields(audit.Record{}, "ID", "Sequence", "Network")); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	_, err := laptop.refresh(grant.RefreshToken)
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)

	w.clock.advance(time.Hour)
	audits := len(w.audits())
	rows = w.rowsDuring(func() {
		again, err := w.sessions.Revoke(t.Context(), operator, grant.Session.ID, "")
		w.must(err)
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("the second answer differs (-first +second):\n%s", diff)
		}
	})
	expectTypes(t, rows)
	if got := len(w.audits()); got != audits+1 {
		t.Errorf("%d audit records of the second time; want 1", got-audits)
	}
	_, err = w.sessions.Revoke(t.Context(), operator, "ses_unknown", "")
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
}

func TestAllOfAUsersSessionsEndAtOnce(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	expired := laptop.enrol(ada, right)
	w.clock.advance(w.rules.SessionLifetime)
	active := []flow.Grant{laptop.enter(ada, right), w.stranger().enter(ada, right)}
	other := w.laptop().enrol("bea@example.org", right)
	var revoked flow.Revoked
	rows := w.rowsDuring(func() {
		var err error
		revoked, err = w.sessions.RevokeAll(t.Context(), operator, flow.Whose{Email: ada}, "a stolen laptop")
		w.must(err)
	})
	expectTypes(t, rows, "revocation.session.v1", "authn.session.revoked.v1", "revocation.session.v1", "authn.session.revoked.v1")
	want := []string{active[0].Session.ID, active[1].Session.ID}
	slices.Sort(want)
	if diff := cmp.Diff(flow.Revoked{UserID: active[0].Session.UserID, Sessions: want}, revoked); diff != "" {
		t.Errorf("revoked (-want +got):\n%s", diff)
	}
	if r := w.lastAudit(); r.Action != "session.revoke_all" || r.Target != (audit.Target{Kind: "user", ID: revoked.UserID}) || r.Reason != "a stolen laptop" {
		t.Errorf("audited %s of %v, %q", r.Action, r.Target, r.Reason)
	}
	for _, g := range active {
		_, err := w.sessions.Verify(t.Context(), w.app, g.SessionToken)
		expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)
	}
	if s := w.session(expired.Session.ID); !s.EndedAt.IsZero() {
		t.Error("a session whose lifetime was over ended again")
	}
	_, err := w.sessions.Verify(t.Context(), w.app, other.SessionToken)
	w.must(err)
	// Trust and password are as they were.
	laptop.enter(ada, right)

	_, err = w.sessions.RevokeAll(t.Context(), operator, flow.Whose{UserID: "usr_unknown"}, "")
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
}

func TestWhereNoSessionIsActiveNoneEnds(t *testing.T) {
	w := newWorld(t)
	userID := w.laptop().enrol(ada, right).Session.UserID
	_, err := w.sessions.RevokeAll(t.Context(), operator, flow.Whose{UserID: userID}, "")
	w.must(err)
	audits := len(w.audits())
	rows := w.rowsDuring(func() {
		revoked, err := w.sessions.RevokeAll(t.Context(), operator, flow.Whose{UserID: userID}, "")
		w.must(err)
		if len(revoked.Sessions) != 0 {
			t.Errorf("revoked %v", revoked.Sessions)
		}
	})
	expectTypes(t, rows)
	if got := len(w.audits()) - audits; got != 1 {
		t.Errorf("%d audit records of the second time; want 1", got)
	}
}
