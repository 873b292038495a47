package flow_test

import (
	"net/netip"
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
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/containment"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// intrusion is an account with its owner on one device and an intruder on another.
type intrusion struct {
	*world
	laptop, stranger *browser
	owned, stolen    flow.Grant
	userID           string
}

func intruded(t *testing.T) intrusion {
	t.Helper()
	w := newWorld(t)
	in := intrusion{world: w, laptop: w.laptop(), stranger: w.stranger()}
	in.owned = in.laptop.enrol(ada, right)
	in.userID = in.owned.Session.UserID
	w.clock.advance(time.Hour)
	in.stolen = in.stranger.enter(ada, right)
	w.clock.advance(time.Minute)
	return in
}

// command is the owner's answer to the alert.
func (in intrusion) command() flow.Command {
	in.t.Helper()
	eventID := in.stolen.Session.SignInEventID
	recipients, err := in.alerts.Prepare(in.t.Context(), eventID)
	in.must(err)
	return flow.Command{
		SignInEventID: eventID, Address: ada, ContainToken: recipients[0].ContainToken,
		DeliveryID: "dlv_1", Network: netip.MustParseAddr(homeIP),
	}
}

func (in intrusion) contain(c flow.Command) flow.Outcome {
	in.t.Helper()
	outcome, err := in.alerts.Contain(in.t.Context(), c)
	in.must(err)
	return outcome
}

func TestContainmentEndsWhatTheIntruderHoldsAndSparesTheOwner(t *testing.T) {
	in := intruded(t)
	// The intruder comes back, and goes on to another device; the owner signs in on the known one.
	back := in.stranger.enter(ada, right)
	in.clock.advance(time.Minute)
	second := (&browser{w: in.world, app: in.app, client: flow.Client{IP: strangerIP, UserAgent: firefox}}).enter(ada, right)
	in.clock.advance(time.Minute)
	home := in.laptop.enter(ada, right)
	before := in.user(in.userID)

	var outcome flow.Outcome
	rows := in.rowsDuring(func() { outcome = in.contain(in.command()) })
	if outcome != flow.Contained {
		t.Fatalf("outcome %q", outcome)
	}
	expectTypes(t, rows,
		"revocation.session.v1", "authn.session.revoked.v1",
		"revocation.session.v1", "authn.session.revoked.v1",
		"revocation.session.v1", "authn.session.revoked.v1",
		"authn.session.contained.v1")
	for name, s := range map[string]flow.Grant{"the alerted": in.stolen, "the repeated": back, "the second device's": second} {
		if got := in.session(s.Session.ID); got.End != "contained" || !got.EndedAt.Equal(in.clock.Now()) {
			t.Errorf("%s session ended as %q at %v", name, got.End, got.EndedAt)
		}
		if in.trusted(s.Session.DeviceID) {
			t.Errorf("%s device is trusted", name)
		}
	}
	user := in.user(in.userID)
	if user.Epoch != before.Epoch+1 || !user.Password.ContainedAt.Equal(in.clock.Now()) {
		t.Errorf("epoch %d after %d; password contained at %v", user.Epoch, before.Epoch, user.Password.ContainedAt)
	}
	for _, s := range []flow.Grant{in.owned, home} {
		if got := in.session(s.Session.ID); !got.EndedAt.IsZero() || got.Epoch != user.Epoch {
			t.Errorf("a spared session ended at %v, epoch %d", got.EndedAt, got.Epoch)
		}
	}
	if !in.trusted(in.owned.Session.DeviceID) {
		t.Error("the owner's device lost its trust")
	}
	_, err := in.sessions.Refresh(t.Context(), in.app, in.laptop.client, home.RefreshToken)
	in.must(err)
	_, err = in.sessions.Refresh(t.Context(), in.app, in.stranger.client, back.RefreshToken)
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)
}

func TestContainmentIsToldAndAudited(t *testing.T) {
	in := intruded(t)
	c := in.command()
	rows := in.rowsDuring(func() { in.contain(c) })
	revoked, told := decoded(t, rows, "revocation.session.v1", new(eventv1.Revocation))
	if revoked.Subject != "doorward.revocation.session."+in.stolen.Session.ID || told.GetSessionId() != in.stolen.Session.ID {
		t.Errorf("the revocation of %q on %q", told.GetSessionId(), revoked.Subject)
	}
	if lives := told.GetForgetAfter().AsTime().Sub(in.clock.Now()); lives <= in.rules.SessionTokenLifetime {
		t.Errorf("the revocation is forgotten after %v, before its token dies", lives)
	}
	row, contained := decoded(t, rows, "authn.session.contained.v1", new(eventv1.SessionContained))
	if contained.GetSigninEventId() != c.SignInEventID || row.Key != in.userID || row.UserVersion != in.user(in.userID).Version ||
		!cmp.Equal(contained.GetEndedSessionIds(), []string{in.stolen.Session.ID}) ||
		!cmp.Equal(contained.GetUntrustedDeviceIds(), []string{in.stolen.Session.DeviceID}) {
		t.Errorf("session.contained: sessions %v, devices %v", contained.GetEndedSessionIds(), contained.GetUntrustedDeviceIds())
	}
	record := in.lastAudit()
	want := audit.Record{
		At: in.clock.Now(), Actor: audit.Actor{Kind: audit.User, ID: in.userID}, Action: "session.contain",
		Target: audit.Target{Kind: "session", ID: in.stolen.Session.ID}, Network: c.Network,
		Authority: "contain-token of delivery dlv_1", Reason: "this wasn't me", Outcome: audit.Done,
	}
	if diff := cmp.Diff(want, record, cmpopts.IgnoreFields(audit.Record{}, "ID", "Sequence"), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	// The confirmation goes to the same addresses, and can't be contained.
	recipients, err := in.alerts.Prepare(t.Context(), row.ID)
	in.must(err)
	if len(recipients) != 1 || recipients[0].Address != ada || !recipients[0].ContainToken.IsZero() {
		t.Errorf("%d recipients of the confirmation, or one has a token", len(recipients))
	}
}

func TestARepeatedContainmentChangesNothing(t *testing.T) {
	in := intruded(t)
	c := in.command()
	in.contain(c)
	in.clock.advance(time.Hour)
	before := in.picture(in.userID)
	if outcome := in.contain(c); outcome != flow.ContainedBefore {
		t.Errorf("outcome %q; want contained_before", outcome)
	}
	expectUnchanged(t, before, in.picture(in.userID))
}

func TestParallelContainmentsTakeEffectOnce(t *testing.T) {
	in := intruded(t)
	c := in.command()
	var running sync.WaitGroup
	var first, repeated atomic.Int64
	for range 8 {
		running.Go(func() {
			switch outcome, err := in.alerts.Contain(t.Context(), c); {
			case err != nil:
				t.Error(err)
			case outcome == flow.Contained:
				first.Add(1)
			case outcome == flow.ContainedBefore:
				repeated.Add(1)
			}
		})
	}
	running.Wait()
	if first.Load() != 1 || repeated.Load() != 7 || in.user(in.userID).Epoch != 1 {
		t.Errorf("%d contained, %d repeated, epoch %d", first.Load(), repeated.Load(), in.user(in.userID).Epoch)
	}
}

func TestACommandWithoutAuthorityChangesNothingAndIsRecorded(t *testing.T) {
	for name, change := range map[string]func(intrusion, *flow.Command){
		"tampered token": func(_ intrusion, c *flow.Command) {
			text := []byte(c.ContainToken.Reveal())
			text[len(text)/2] ^= 1
			c.ContainToken = secret.Wrap(string(text))
		},
		"no token":         func(_ intrusion, c *flow.Command) { c.ContainToken = secret.Text{} },
		"another's event":  func(in intrusion, c *flow.Command) { c.SignInEventID = in.owned.Session.SignInEventID },
		"an unknown event": func(_ intrusion, c *flow.Command) { c.SignInEventID = "evt_unknown" },
		"no event":         func(_ intrusion, c *flow.Command) { c.SignInEventID = "" },
		"an endless event and delivery": func(_ intrusion, c *flow.Command) {
			c.SignInEventID, c.DeliveryID = string(make([]byte, 4096)), string(make([]byte, 4096))
		},
		"an event that can't be contained": func(in intrusion, c *flow.Command) {
			c.SignInEventID = id.New("evt", in.clock.Now())
			c.ContainToken = containment.Token(in.deps.Secrets.Contain, c.SignInEventID, ada)
			in.update(func(tx store.Tx) error {
				return tx.Alerts.Put(containment.Alert{EventID: c.SignInEventID, Kind: containment.Contained, UserID: in.userID, At: in.clock.Now()})
			})
		},
		"another address": func(_ intrusion, c *flow.Command) { c.Address = nobody },
		"no address":      func(_ intrusion, c *flow.Command) { c.Address = "" },
		"an address removed on a trusted device": func(in intrusion, _ *flow.Command) {
			in.changeUser(in.userID, func(u *account.User) {
				u.Emails[0].RemovedAt, u.Emails[0].RemovedOnTrusted = in.clock.Now(), true
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := intruded(t)
			c := in.command()
			change(in, &c)
			before := in.picture(in.userID)
			if outcome := in.contain(c); outcome != flow.ContainRefused {
				t.Errorf("outcome %q; want refused", outcome)
			}
			record := in.lastAudit()
			if record.Action != "session.contain" || record.Outcome != audit.Refused || record.Actor.ID != "notify" {
				t.Errorf("audited as %s of %s: %s", record.Action, record.Actor.ID, record.Outcome)
			}
			before.Audits++
			expectUnchanged(t, before, in.picture(in.userID))
		})
	}
}

func TestAnIntruderInTheMiddleOfSigningInIsShutOut(t *testing.T) {
	in := intruded(t)
	waiting := (&browser{w: in.world, app: in.app, client: flow.Client{IP: strangerIP, UserAgent: firefox}}).signIn(ada)
	waiting.answer(password(right))
	c := waiting.code()
	in.contain(in.command())
	expectStep(t, waiting.answer(code(c)), attempt.Refused, attempt.Over)
	if got := len(in.picture(in.userID).Sessions); got != 2 {
		t.Errorf("%d sessions; want the two from before", got)
	}
}

// TestAContainmentRevivesNoSession: only what was good a moment before gets the new epoch.
func TestAContainmentRevivesNoSession(t *testing.T) {
	in := intruded(t)
	stale := in.session(in.owned.Session.ID)
	stale.Epoch = in.user(in.userID).Epoch + 7
	in.update(func(tx store.Tx) error { return tx.Sessions.Put(stale) })
	in.contain(in.command())
	_, err := in.sessions.Refresh(t.Context(), in.app, in.laptop.client, in.owned.RefreshToken)
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)
}

func TestTheContainedPasswordOpensOnlyTheWayToAnotherOne(t *testing.T) {
	in := intruded(t)
	in.contain(in.command())
	strange := in.stranger.signIn(ada)
	rows := in.rowsDuring(func() {
		expectStep(t, strange.answer(password(right)), attempt.Refused, attempt.PasswordContained)
		expectFault(t, strange.prepare(), fault.Precondition, typev1.Reason_REASON_STEP_MISMATCH)
	})
	expectTypes(t, rows)
	// Even where risk lets everybody in.
	in.risk.answers(says(flow.GateOpen, attempt.Allow))
	expectStep(t, in.stranger.signIn(ada).answer(password(right)), attempt.Refused, attempt.PasswordContained)

	home := in.laptop.signIn(ada)
	home.answer(password(right))
	m := home.mailed()
	if m.sealed.GetPurpose() != eventv1.MailPurpose_MAIL_PURPOSE_NEW_PASSWORD_CODE || m.sealed.GetEmail() != ada {
		t.Errorf("mail for %v to %q", m.sealed.GetPurpose(), m.sealed.GetEmail())
	}
	home.answer(code(m.content.GetCode()))
	_, err := home.try(newPassword(right))
	expectFault(t, err, fault.Invalid, typev1.Reason_REASON_PASSWORD_UNACCEPTABLE)
	done := home.answer(newPassword(another))
	expectStep(t, done, attempt.Done, "")
	if user := in.user(in.userID); user.Epoch != 2 || done.Grant.Session.Epoch != 2 {
		t.Errorf("epoch %d, the new session's %d; want 2", user.Epoch, done.Grant.Session.Epoch)
	}
	if got := in.session(in.owned.Session.ID); got.End != "password_changed" {
		t.Errorf("the other session ended as %q", got.End)
	}
}
