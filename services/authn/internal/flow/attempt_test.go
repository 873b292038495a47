package flow_test

import (
	"testing"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store"
)

func TestAnAttemptIsContinuedOnlyWhereItBegan(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*world, *flow.Ticket)
		kind   fault.Kind
		reason typev1.Reason
	}{
		"another application": {
			func(w *world, k *flow.Ticket) { k.ApplicationID = w.otherApp }, fault.Denied, typev1.Reason_REASON_ATTEMPT_ELSEWHERE,
		},
		"another device secret": {
			func(_ *world, k *flow.Ticket) { k.Client.DeviceSecret = secret.New("dvs") }, fault.Denied, typev1.Reason_REASON_ATTEMPT_ELSEWHERE,
		},
		"no device secret": {
			func(_ *world, k *flow.Ticket) { k.Client.DeviceSecret = secret.Text{} }, fault.Denied, typev1.Reason_REASON_ATTEMPT_ELSEWHERE,
		},
		"another user agent": {
			func(_ *world, k *flow.Ticket) { k.Client.UserAgent = chrome }, fault.Denied, typev1.Reason_REASON_ATTEMPT_ELSEWHERE,
		},
		"another attempt secret": {
			func(_ *world, k *flow.Ticket) { k.Secret = secret.New("ats") }, fault.NotFound, typev1.Reason_REASON_ATTEMPT_NOT_FOUND,
		},
		"no attempt secret": {
			func(_ *world, k *flow.Ticket) { k.Secret = secret.Text{} }, fault.NotFound, typev1.Reason_REASON_ATTEMPT_NOT_FOUND,
		},
		"an unknown id": {
			func(_ *world, k *flow.Ticket) { k.AttemptID = "att_unknown" }, fault.NotFound, typev1.Reason_REASON_ATTEMPT_NOT_FOUND,
		},
		"too late": {
			func(w *world, _ *flow.Ticket) { w.clock.advance(w.rules.AttemptLifetime) }, fault.NotFound, typev1.Reason_REASON_ATTEMPT_NOT_FOUND,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			laptop := w.laptop()
			userID := laptop.enrol(ada, right).Session.UserID
			tr := laptop.signIn(ada)
			before := w.picture(userID)
			tt.change(w, &tr.ticket)
			hashes := w.hashesDuring(func() {
				_, err := tr.try(password(right))
				expectFault(t, err, tt.kind, tt.reason)
			})
			expectFault(t, tr.prepare(), tt.kind, tt.reason)
			expectUnchanged(t, before, w.picture(userID))
			if kept, _ := w.attempt(tr.Attempt.ID); hashes != 0 || kept.Wrong != 0 {
				t.Errorf("%d hashes, %d failures counted", hashes, kept.Wrong)
			}
		})
	}
}

func TestTheNetworkMayChangeWithinAnAttempt(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	tr := laptop.signIn(ada)
	tr.ticket.Client.IP, tr.ticket.Client.Language = "198.51.100.1", "fr"
	expectStep(t, tr.answer(password(right)), attempt.Done, "")
}

func TestAnEpochRaisedAfterTheProofEndsTheAttempt(t *testing.T) {
	w := newWorld(t)
	userID := w.laptop().enrol(ada, right).Session.UserID
	tr := w.stranger().signIn(ada)
	tr.answer(password(right))
	a := code(tr.code())
	w.raiseEpoch(userID)
	before := w.picture(userID)
	expectStep(t, tr.answer(a), attempt.Refused, attempt.Over)
	expectFault(t, tr.prepare(), fault.Precondition, typev1.Reason_REASON_STEP_MISMATCH)
	expectUnchanged(t, before, w.picture(userID))
}

// TestAnEpochRaisedBeforeAnyProofShowsNobodyThatThereIsAnAccount: nothing has been issued yet that it could void.
func TestAnEpochRaisedBeforeAnyProofShowsNobodyThatThereIsAnAccount(t *testing.T) {
	w := newWorld(t)
	userID := w.laptop().enrol(ada, right).Session.UserID
	tr := w.stranger().signIn(ada)
	w.raiseEpoch(userID)
	expectFared(t, tr.answer(password(wrong)), attempt.Wrong, 4)
	expectStep(t, tr.answer(password(right)), attempt.DeviceVerification, "")
	expectStep(t, tr.answer(code(tr.code())), attempt.Done, "")
}

// TestAnEpochRaisedDuringTheHashEndsTheAttempt: a containment that commits while a right password is being checked still shuts it out.
func TestAnEpochRaisedDuringTheHashEndsTheAttempt(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	userID := laptop.enrol(ada, right).Session.UserID
	tr := laptop.signIn(ada)
	w.kernel.hold(func() { w.raiseEpoch(userID) })
	p := tr.answer(password(right))
	w.kernel.hold(nil)
	expectStep(t, p, attempt.Refused, attempt.Over)
}

func (w *world) raiseEpoch(userID string) {
	w.t.Helper()
	w.changeUser(userID, func(u *account.User) { u.RaiseEpoch() })
}

func (w *world) changeUser(userID string, change func(*account.User)) {
	w.t.Helper()
	w.update(func(tx store.Tx) error {
		u, _, err := tx.Users.Get(userID)
		if err != nil {
			return err
		}
		change(&u)
		return tx.Users.Put(u)
	})
}

func TestAMalformedAddressIsRefusedBeforeAnythingIsAskedOrKept(t *testing.T) {
	w := newWorld(t)
	for _, address := range []string{"", "ada", "@example.org", "ada@", "ada@exa mple.org"} {
		_, err := w.attempts.StartSignIn(t.Context(), w.app, w.laptop().client, address)
		expectFault(t, err, fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
		_, err = w.attempts.StartSignUp(t.Context(), w.app, w.laptop().client, address, secret.Text{})
		expectFault(t, err, fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
	}
	if asked := len(w.risk.questions()); asked != 0 {
		t.Errorf("risk was asked %d times", asked)
	}
}

func TestTooManyAttemptsPushOutStrangersAndSpareTheOwners(t *testing.T) {
	w := newWorld(t)
	w.rules.AttemptsPerIdentifier = 2
	laptop := w.laptop()
	laptop.enrol(ada, right)
	// The oldest is the owner's, the next has proved the password; both would go first by age alone.
	own := laptop.signIn(ada)
	w.clock.advance(time.Second)
	proved := atDeviceVerification(w)
	w.clock.advance(time.Second)
	var idle []string
	for range 5 {
		w.clock.advance(time.Second)
		idle = append(idle, w.stranger().signIn(ada).Attempt.ID)
		for i, id := range idle {
			if _, found := w.attempt(id); found != (i >= len(idle)-w.rules.AttemptsPerIdentifier) {
				t.Fatalf("of %d attempts of strangers the one numbered %d is there: %v", len(idle), i, found)
			}
		}
	}
	expectStep(t, proved.answer(code(proved.code())), attempt.Done, "")
	expectStep(t, own.answer(password(right)), attempt.Done, "")
}

// TestAPasswordForANewAccountEarnsNoPlaceAmongTheAttempts: otherwise sign-ups that prove nothing would push out who signs in.
func TestAPasswordForANewAccountEarnsNoPlaceAmongTheAttempts(t *testing.T) {
	w := newWorld(t)
	w.rules.AttemptsPerIdentifier = 3
	w.laptop().enrol(ada, right)
	for range w.rules.AttemptsPerIdentifier {
		w.clock.advance(time.Second)
		w.stranger().signUp(ada).answer(newPassword(another))
	}
	w.clock.advance(time.Second)
	own := w.laptop().signIn(ada) // on a new browser
	w.clock.advance(time.Second)
	w.stranger().signUp(ada)
	expectStep(t, own.answer(password(right)), attempt.DeviceVerification, "")
}

func TestWhereAllAttemptsDeserveToStayTheOldestGoes(t *testing.T) {
	w := newWorld(t)
	w.rules.AttemptsPerIdentifier = 2
	w.laptop().enrol(ada, right)
	first := atDeviceVerification(w)
	w.clock.advance(time.Second)
	second := atDeviceVerification(w)
	w.clock.advance(time.Second)
	atDeviceVerification(w)
	w.clock.advance(time.Second)
	rows := w.rowsDuring(func() { w.stranger().signIn(ada) })
	// Its password had been right: its end is told.
	expectTypes(t, rows, "authn.signin.abandoned.v1")
	if _, found := w.attempt(first.Attempt.ID); found {
		t.Error("the oldest attempt stayed")
	}
	if _, found := w.attempt(second.Attempt.ID); !found {
		t.Error("the newer attempt went")
	}
}

func TestAReplacedDeviceSecretUntrustsTheDevice(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	first := laptop.enrol(ada, right)
	copied := *laptop
	w.clock.advance(time.Hour)
	laptop.enter(ada, right)

	// For a minute the secret before is good: an answer may have been lost.
	if !w.trusted(first.Session.DeviceID) {
		t.Fatal("the device isn't trusted")
	}
	expectStep(t, copied.signIn(ada).answer(password(right)), attempt.Done, "")

	w.clock.advance(time.Hour)
	copied.client.DeviceSecret = first.DeviceSecret
	tr := copied.signIn(ada)
	if w.trusted(first.Session.DeviceID) {
		t.Error("the device is still trusted")
	}
	expectStep(t, tr.answer(password(right)), attempt.DeviceVerification, "")
	expectStep(t, laptop.signIn(ada).answer(password(right)), attempt.DeviceVerification, "")
}
