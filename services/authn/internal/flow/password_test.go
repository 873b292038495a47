package flow_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

var errDown = errors.New("risk is down")

func down(flow.Question) (flow.Judgement, error) { return flow.Judgement{}, errDown }

func TestAFailureIsReservedBeforeRiskIsAskedAndRiskBeforeAnyHash(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.lockAfter(3)
	first, second := w.stranger().signIn(ada), w.stranger().signIn(ada)
	first.answer(password(wrong))
	first.answer(password(wrong))
	asked := 0
	w.risk.answers(func(q flow.Question) (flow.Judgement, error) {
		asked++
		if a, _ := w.attempt(q.AttemptID); a.Wrong != 3 {
			t.Errorf("risk is asked with %d failures of the attempt reserved; want 3", a.Wrong)
		}
		// The last failure of the budget is taken while this answer is still unchecked.
		hashes := w.hashesDuring(func() {
			_, err := second.try(password(right))
			expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES)
		})
		if hashes != 0 {
			t.Errorf("%d hashes beyond the budget", hashes)
		}
		return byNetwork(q)
	})
	before := w.kernel.count.Load()
	expectFared(t, first.answer(password(wrong)), attempt.Wrong, 2)
	if asked != 1 || w.kernel.count.Load() != before+1 {
		t.Errorf("risk asked %d times, %d hashes; want one of each", asked, w.kernel.count.Load()-before)
	}
}

func TestTheGateStopsAnAnswerBeforeAnyHashAndTakesTheReservationBack(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.lockAfter(3)
	for _, tt := range []struct {
		name   string
		gate   flow.Gate
		kind   fault.Kind
		reason typev1.Reason
	}{
		{"challenge", flow.GateChallenge, fault.Exhausted, typev1.Reason_REASON_CHALLENGE_REQUIRED},
		{"block", flow.GateBlock, fault.Denied, typev1.Reason_REASON_BLOCKED},
		{"a gate that nobody knows", flow.Gate(99), fault.Denied, typev1.Reason_REASON_BLOCKED},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.risk.answers(says(tt.gate, attempt.Allow))
			for _, address := range []string{ada, nobody} {
				tr := w.stranger().signIn(address)
				rows := w.rowsDuring(func() {
					hashes := w.hashesDuring(func() {
						for range 2 * w.rules.LockoutFailures {
							_, err := tr.try(password(right))
							expectFault(t, err, tt.kind, tt.reason)
						}
					})
					if hashes != 0 {
						t.Errorf("%d hashes behind a closed gate", hashes)
					}
				})
				expectTypes(t, rows)
				w.risk.answers(byNetwork)
				expectFared(t, tr.answer(password(wrong)), attempt.Wrong, 4)
				w.risk.answers(says(tt.gate, attempt.Allow))
			}
		})
	}
}

func TestAGatedAnswerIsTakenBackAlsoWhenItsAttemptIsGone(t *testing.T) {
	w := newWorld(t)
	w.lockAfter(3)
	w.rules.AttemptsPerIdentifier = 1
	for range 2 * w.rules.LockoutFailures {
		tr := w.stranger().signIn(ada)
		w.risk.answers(func(flow.Question) (flow.Judgement, error) {
			w.stranger().signIn(ada) // pushes this one out
			return judged(flow.GateBlock, attempt.Assessment{})
		})
		_, err := tr.try(password(wrong))
		expectFault(t, err, fault.Denied, typev1.Reason_REASON_BLOCKED)
	}
	w.risk.answers(byNetwork)
	expectFared(t, w.stranger().signIn(ada).answer(password(wrong)), attempt.Wrong, 4)
}

// seen is what a caller can see of a progress.
type seen struct {
	Step    attempt.Step
	Options []attempt.Factor
	Refusal attempt.Refusal
	Fared   flow.Fared
	Granted bool
}

func sight(p flow.Progress) seen {
	s := seen{Step: p.Step, Options: p.Step.Factors(), Refusal: p.Refusal, Granted: p.Grant != nil}
	if p.Answer != nil {
		s.Fared = *p.Answer
	}
	return s
}

func TestTheVerdictAppliesOnlyAfterTheRightPassword(t *testing.T) {
	for _, tt := range []struct {
		verdict         attempt.Verdict
		known, stranger attempt.Step
		refusal         attempt.Refusal
	}{
		{attempt.Allow, attempt.Done, attempt.DeviceVerification, ""},
		{attempt.VerifyDevice, attempt.DeviceVerification, attempt.DeviceVerification, ""},
		{attempt.Refuse, attempt.Refused, attempt.Refused, attempt.RiskRefused},
	} {
		t.Run(string(tt.verdict), func(t *testing.T) {
			w := newWorld(t)
			laptop := w.laptop()
			laptop.enrol(ada, right)
			w.risk.answers(says(flow.GateOpen, tt.verdict))
			outsider := w.stranger().signIn(ada)
			got := sight(outsider.answer(password(wrong)))
			want := seen{
				Step: attempt.FirstFactor, Options: []attempt.Factor{attempt.Password},
				Fared: flow.Fared{Factor: attempt.Password, Outcome: attempt.Wrong, AnswersLeft: 4},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("what an outsider sees depends on the verdict (-want +got):\n%s", diff)
			}
			expectStep(t, outsider.answer(password(right)), tt.stranger, tt.refusal)
			expectStep(t, laptop.signIn(ada).answer(password(right)), tt.known, tt.refusal)
		})
	}
}

func TestWithoutRiskKnownDevicesGoOnAndUnknownOnesAreVerified(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	w.risk.answers(down)
	expectStep(t, w.stranger().signIn(ada).answer(password(right)), attempt.DeviceVerification, "")
	rows := w.rowsDuring(func() { expectStep(t, laptop.signIn(ada).answer(password(right)), attempt.Done, "") })
	_, succeeded := decoded(t, rows, "authn.signin.succeeded.v1", new(eventv1.SignInSucceeded))
	if succeeded.GetDecisionId() != "" {
		t.Errorf("the event names a decision %q that nobody took", succeeded.GetDecisionId())
	}
	_, err := w.attempts.StartSignUp(t.Context(), w.app, w.laptop().client, nobody, secret.Text{})
	expectFault(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
	if fault.RetryAfterOf(err) == 0 {
		t.Error("nobody says when to try again")
	}
}

// TestWhoDoesntWaitForRiskGoesNowhere: neither a short deadline nor hanging up is a way around the gate and the verdict.
func TestWhoDoesntWaitForRiskGoesNowhere(t *testing.T) {
	for name, leave := range map[string]func(context.CancelFunc) error{
		"a short deadline": func(context.CancelFunc) error { return flow.ErrNoTime },
		"hanging up":       func(hangUp context.CancelFunc) error { hangUp(); return errDown },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.laptop().enrol(ada, right)
			tr := w.stranger().signIn(ada)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w.risk.answers(func(flow.Question) (flow.Judgement, error) { return flow.Judgement{}, leave(cancel) })
			hashes := w.hashesDuring(func() {
				if p, err := w.attempts.Continue(ctx, tr.ticket, password(right)); err == nil {
					t.Errorf("the answer was judged without risk: step %q", p.Step)
				}
			})
			if a, _ := w.attempt(tr.Attempt.ID); hashes != 0 || a.Wrong != 0 || a.Assessment != nil {
				t.Errorf("%d hashes, %d failures counted, assessment %v; want none", hashes, a.Wrong, a.Assessment)
			}
			w.risk.answers(says(flow.GateOpen, attempt.Refuse))
			expectStep(t, tr.answer(password(right)), attempt.Refused, attempt.RiskRefused)
		})
	}
}

// TestAParallelAnswerDoesntReplaceTheVerdict: of two right passwords the first decides, whatever risk said of the second.
func TestAParallelAnswerDoesntReplaceTheVerdict(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	tr := w.stranger().signIn(ada)
	w.kernel.hold(func() {
		w.kernel.hold(nil)
		w.risk.answers(says(flow.GateOpen, attempt.Refuse))
		if p, err := tr.try(password(right)); err != nil || p.Refusal != attempt.RiskRefused {
			t.Errorf("step %q, refusal %q, error %v", p.Step, p.Refusal, err)
		}
	})
	expectStep(t, tr.answer(password(right)), attempt.Refused, attempt.RiskRefused)
}

func TestAnUnknownIdentifierWalksTheSameSteps(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.lockAfter(7)
	walk := func(address string) (sights []seen, lane []bool, hashes int, events []string, last error) {
		asked := len(w.risk.questions())
		hashes = w.hashesDuring(func() {
			events = types(w.rowsDuring(func() {
				for range 2 {
					tr := w.stranger().signIn(address)
					sights = append(sights, sight(tr.Progress))
					for range 5 {
						p, err := tr.try(password(wrong))
						if last = err; err == nil {
							sights = append(sights, sight(p))
						}
					}
				}
			}))
		})
		for _, q := range w.risk.questions()[asked:] {
			lane = append(lane, q.KnownDevice)
		}
		return sights, lane, hashes, events, last
	}
	sights, lane, hashes, events, last := walk(ada)
	wantSights, wantLane, wantHashes, wantEvents, wantLast := walk(nobody)
	if diff := cmp.Diff(wantSights, sights); diff != "" {
		t.Errorf("steps (-nobody's +somebody's):\n%s", diff)
	}
	if diff := cmp.Diff(wantEvents, events); diff != "" {
		t.Errorf("events (-nobody's +somebody's):\n%s", diff)
	}
	if hashes != wantHashes || hashes != 7 || !cmp.Equal(lane, wantLane) {
		t.Errorf("%d hashes, known %v; nobody's %d, %v", hashes, lane, wantHashes, wantLane)
	}
	expectFault(t, last, fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES)
	if fault.RetryAfterOf(last) != fault.RetryAfterOf(wantLast) {
		t.Errorf("retry in %v; nobody's in %v", fault.RetryAfterOf(last), fault.RetryAfterOf(wantLast))
	}
}

func TestAWrongPasswordIsToldWithoutANameToIt(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	tr := w.stranger().signIn(ada)
	rows := w.rowsDuring(func() { tr.answer(password(wrong)) })
	expectTypes(t, rows, "attempt.signin.failed.v1")
	row, failed := decoded(t, rows, "attempt.signin.failed.v1", new(eventv1.SignInFailed))
	key := w.deps.Secrets.AccountKey(ada)
	if row.Key != "" || row.UserVersion != 0 || row.Subject != "doorward.attempt.signin.failed" {
		t.Errorf("the failure names a user: %q, version %d, on %q", row.Key, row.UserVersion, row.Subject)
	}
	if string(failed.GetAccountKey()) != string(key[:]) || failed.GetDecisionId() != "dec_far" || failed.GetFactor() != "password" || failed.GetKnownDevice() {
		t.Errorf("decision %q, factor %q, known %v", failed.GetDecisionId(), failed.GetFactor(), failed.GetKnownDevice())
	}
}

func TestAPasswordIsStoredAnewUnderTodaysParameters(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	userID := laptop.enrol(ada, right).Session.UserID
	before := w.user(userID).Password.PHC
	stronger := cheap
	stronger.Time = 2
	w.deps.Pool = w.pool(stronger, 2)
	w.attempts = flow.NewAttempts(w.deps)

	laptop.signIn(ada).answer(password(wrong))
	if w.user(userID).Password.PHC != before {
		t.Error("a wrong password was stored")
	}
	w.clock.advance(time.Second)
	laptop.enter(ada, right)
	after := w.user(userID)
	if after.Password.PHC == before || after.Epoch != 0 {
		t.Errorf("stored anew: %v, epoch %d", after.Password.PHC != before, after.Epoch)
	}
	if hashes := w.hashesDuring(func() { laptop.enter(ada, right) }); hashes != 1 {
		t.Errorf("%d hashes the next time; want 1", hashes)
	}
}

// TestAnImportedPasswordLetsInAndIsThenStoredAsOurs: with the form of another system, for each kind once.
func TestAnImportedPasswordLetsInAndIsThenStoredAsOurs(t *testing.T) {
	for kind, c := range map[string]struct{ stored, password string }{
		"bcrypt":       {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"}, // too short to be set here
		"argon2i":      {"$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8", "password"},
		"pbkdf2":       {"$pbkdf2$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE", "password"},
		"Django":       {"pbkdf2_sha1$4096$salt$SwB5AbdlSJq+rUnZJvch0GWkKcE=", "password"},
		"sha256-crypt": {"$5$rounds=1000$roundstoolow$yfvwcWrQ8l/K0DAWyuPMDNHpIVlTQebY9l/gL972bIC", "the minimum number is still observed"},
	} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t)
			w.rules.BreachAtSignIn = false // what others publish of their formats, they made of passwords that everybody knows
			laptop := w.laptop()
			userID := laptop.enrol(ada, right).Session.UserID
			w.changeUser(userID, func(u *account.User) { u.Password.PHC = c.stored })
			before := w.user(userID)

			expectFared(t, laptop.signIn(ada).answer(password(wrong)), attempt.Wrong, 4)
			expectFared(t, laptop.signIn(ada).answer(password(right)), attempt.Wrong, 4)
			if w.user(userID).Password.PHC != c.stored {
				t.Error("a wrong password was stored")
			}
			laptop.enter(ada, c.password)
			after := w.user(userID)
			if !strings.HasPrefix(after.Password.PHC, "$argon2id$") || after.Epoch != before.Epoch || after.Password.SetAt != before.Password.SetAt {
				t.Errorf("stored as %.10s…, epoch %d, set at %v", after.Password.PHC, after.Epoch, after.Password.SetAt)
			}
			if hashes := w.hashesDuring(func() { laptop.enter(ada, c.password) }); hashes != 1 {
				t.Errorf("%d of our hashes the next time; want 1", hashes)
			}
		})
	}
}

func TestAStrangersFloodLeavesTheOwnersLaneFree(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	var taken []*credential.Ticket
	for {
		ticket, err := w.deps.Pool.Begin(credential.Stranger)
		if err != nil {
			break
		}
		taken = append(taken, ticket)
	}
	defer func() {
		for _, ticket := range taken {
			ticket.Release()
		}
	}()
	tr := w.stranger().signIn(ada)
	_, err := tr.try(password(right))
	expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_OVERLOADED)
	if a, _ := w.attempt(tr.Attempt.ID); a.Wrong != 0 || fault.RetryAfterOf(err) == 0 {
		t.Errorf("%d failures counted; retry in %v", a.Wrong, fault.RetryAfterOf(err))
	}
	expectStep(t, laptop.signIn(ada).answer(password(right)), attempt.Done, "")
}
