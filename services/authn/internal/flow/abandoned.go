package flow

import (
	"crypto/sha256"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/containment"
	"github.com/doorward/doorward/services/authn/internal/quota"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// abandonedTold is how often an owner is told that somebody knows one and the same password. Whoever does could otherwise fill the owner's mailbox; another
// password begins anew.
var abandonedTold = quota.Limit{Uses: 3, Window: 24 * time.Hour}

// recentSessions bounds the sessions among which one is looked for that finished what an attempt began.
const recentSessions = 20

// discard removes an attempt that will never be done. When its password had been right, somebody may know it who shouldn't: that is told.
func discard(tx store.Tx, a attempt.Attempt, now time.Time) error {
	if err := tx.Attempts.Delete(a.ID); err != nil || !a.Abandoned() {
		return err
	}
	user, found, err := tx.Users.Get(a.UserID)
	if err != nil || !found {
		return err
	}
	quiet, err := needntBeTold(tx, &user, a, now)
	if err != nil {
		return err
	}
	if err := tellAbandoned(tx, &user, a, quiet, now); err != nil {
		return err
	}
	return tx.Users.Put(user)
}

// tellAbandoned tells of it, and keeps the event as one that the owner is told of.
func tellAbandoned(tx store.Tx, user *account.User, a attempt.Attempt, quiet bool, now time.Time) error {
	abandoned := &eventv1.SignInAbandoned{
		UserId:    a.UserID,
		AttemptId: a.ID,
		Ip:        a.Origin.IP,
		Device:    deviceMessage("", describe(a.Origin.UserAgent)),
		ProvedAt:  timestamppb.New(a.RightAt()),
		Quiet:     quiet,
	}
	if a.Assessment != nil {
		abandoned.Place = placeMessage(a.Assessment.Country, a.Assessment.CountryName)
	}
	eventID, err := appendEvent(tx, user, subjectSignInAbandoned, typeSignInAbandoned, now, abandoned)
	if err != nil || quiet {
		return err
	}
	return tx.Alerts.Put(containment.Alert{EventID: eventID, Kind: containment.Abandoned, UserID: user.ID, DeviceID: a.DeviceID, At: a.RightAt()})
}

// needntBeTold says whether the owner finished the sign-in in another attempt, or was told of this password often enough.
func needntBeTold(tx store.Tx, user *account.User, a attempt.Attempt, now time.Time) (bool, error) {
	finished, err := finishedSince(tx, a)
	if err != nil || finished {
		return finished, err
	}
	key := abandonedKey(user)
	told, err := tx.Budgets.Get(key)
	if err != nil {
		return false, err
	}
	if _, ok := told.Use(abandonedTold, now); !ok {
		return true, nil
	}
	return false, tx.Budgets.Put(key, told, told.EmptyAfter(abandonedTold))
}

// finishedSince says whether a mailed code was given at another sign-in since, from the same address and browser: whoever did that reads the owner's mail,
// and most likely tried twice. A sign-in on a known device, which takes no code, shows nothing of who it was that tried.
func finishedSince(tx store.Tx, a attempt.Attempt) (bool, error) {
	sessions, err := tx.Sessions.OfUser(a.UserID, "", recentSessions)
	if err != nil {
		return false, err
	}
	about := describe(a.Origin.UserAgent)
	for _, s := range sessions {
		if !s.StartedAt.Before(a.RightAt()) && s.IP == a.Origin.IP && s.About == about && slices.Contains(s.AMR, "otp") {
			return true, nil
		}
	}
	return false, nil
}

// abandonedKey is where it is counted how often an owner was told of a password.
func abandonedKey(user *account.User) [32]byte {
	var set string
	if user.Password != nil {
		set = user.Password.SetAt.UTC().Format(time.RFC3339Nano)
	}
	return sha256.Sum256([]byte("authn/abandoned/v1 " + user.ID + " " + set))
}
