package flow

import (
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// learns says whether a right password alone makes the device known: the first one of an account that was imported with a learning window, while nothing
// speaks against its being the owner's. Whatever isn't sure is no: then a code is mailed, as for everybody.
//
//   - The window is open, and no device has been known before.
//   - Risk was asked and allows it. Without its answer a stranger's sign-in looks like any other.
//   - Nobody has failed on the identifier of late, and nobody is guessing at this moment: the owner's slip costs a code, a guesser's luck gains nothing.
//     The first right password decides, for it also ends the row of failures: when it doesn't make the device known, the window is over.
//   - The address is proved. One that isn't may be somebody else's.
//
// That nobody else knows the password, and that no operator wants the account out, are facts that attempt.Next looks at before this one.
func (t try) learns(tx store.Tx, a attempt.Attempt, user account.User) (bool, error) {
	if !t.unsuspected || a.Purpose != attempt.SignIn || !user.Learns(t.rules.LearningWindowMax, t.now) {
		return false, nil
	}
	if a.Assessment == nil || a.Assessment.DecisionID == "" || a.Assessment.Verdict != attempt.Allow {
		return false, nil
	}
	if primary, ok := user.Primary(); !ok || primary.VerifiedAt.IsZero() {
		return false, nil
	}
	devices, err := tx.Devices.OfUser(user.ID)
	return len(devices) == 0, err
}

// stopLearning ends an open window after a right password that it didn't help.
func stopLearning(tx store.Tx, user account.User) error {
	if user.Import == nil || user.Import.LearnUntil.IsZero() {
		return nil
	}
	user.StopLearning()
	return tx.Users.Put(user)
}

// stopLearningOf ends the window of an attempt's user, after a right password that led nowhere: it has ended the row of failures, or will be tried again once
// that is forgotten.
func stopLearningOf(tx store.Tx, a attempt.Attempt) error {
	user, found, err := tx.Users.Get(a.UserID)
	if err != nil || !found {
		return err
	}
	return stopLearning(tx, user)
}

// unsuspected says whether the answer under a reservation is the only one that was given for the identifier of late.
func (f *Attempts) unsuspected(tx store.Tx, t try, reservation string) (bool, error) {
	record, err := tx.Lockouts.Get(f.Secrets.lockoutKey(t.Attempt.Canonical, attempt.Password))
	if err != nil {
		return false, err
	}
	return record.Only(reservation), nil
}
