package flow

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/containment"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/token"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// material is what a completion needs of randomness, made before the transaction, which may run twice.
type material struct {
	userID, emailID, deviceID, sessionID string
	deviceSecret                         secret.Text
}

func newMaterial(now time.Time) material {
	return material{
		userID:       id.New("usr", now),
		emailID:      id.New("eml", now),
		deviceID:     id.New("dev", now),
		sessionID:    id.New("ses", now),
		deviceSecret: secret.New("dvs"),
	}
}

// completion is an attempt that needs nothing more.
type completion struct {
	Progress
	// user is the subject of a sign-in; a sign-up has none yet.
	user account.User
	// learned says that the device is made known without a second check, by the learning window of an import.
	learned bool
	// entrance is whether a sign-up may be done; nil for a sign-in.
	entrance *door
	// pass is the invitation that a sign-up began with, as it stands now.
	pass     pass
	rules    tuning.Policy
	now      time.Time
	material material
}

// complete turns a finished attempt into a session: account, credential, device, session and their events in the transaction at hand.
func (f *Attempts) complete(tx store.Tx, c completion) (Progress, error) {
	application, found, err := tx.Applications.Get(c.Attempt.Binding.ApplicationID)
	if err != nil {
		return Progress{}, err
	}
	if !found {
		return Progress{}, errInternal
	}
	known, err := knownDevice(tx, c.Attempt, c.now)
	if err != nil {
		return Progress{}, err
	}
	ready, err := f.prepareUser(tx, &c, known)
	if err != nil {
		return Progress{}, err
	}
	if !ready {
		c.Step = attempt.Refused
		if c.Refusal == "" {
			c.Refusal = attempt.Over
		}
		return c.Progress, tx.Attempts.Delete(c.Attempt.ID)
	}
	trusted, err := c.trustDevice(tx)
	if err != nil {
		return Progress{}, err
	}
	began := c.newSession(trusted, application.Audience)
	first := token.NewRefreshers(f.Secrets.Refresh).First(began.ID)
	began.Refresh = first.Digest()
	if err := c.tell(tx, &began, known); err != nil {
		return Progress{}, err
	}
	if err := tx.Sessions.Put(began); err != nil {
		return Progress{}, err
	}
	if err := tx.Users.Put(c.user); err != nil {
		return Progress{}, err
	}
	c.Attempt.FinishedAt = c.now
	c.Grant = &Grant{Session: began, DeviceSecret: c.material.deviceSecret, RefreshToken: first.Text}
	return c.Progress, tx.Attempts.Delete(c.Attempt.ID)
}

// prepareUser makes the account of a sign-up, or brings that of a sign-in up to date. False says that the attempt leads nowhere after all:
// the address was taken before or meanwhile, or the restrictions changed.
func (f *Attempts) prepareUser(tx store.Tx, c *completion, known bool) (bool, error) {
	if c.Attempt.Purpose == attempt.SignUp {
		return c.createUser(tx)
	}
	if c.Attempt.Proofs.NewPassword != nil {
		if err := c.replacePassword(tx); err != nil {
			return false, err
		}
	}
	if known {
		c.user.Language = c.Attempt.Origin.Language
	}
	if !c.Attempt.Proofs.EmailCodeAt.IsZero() {
		c.user.Proven(c.now) // the code went there, and nowhere else
	}
	c.user.StopLearning()
	return true, nil
}

func (c *completion) createUser(tx store.Tx) (bool, error) {
	_, taken, err := tx.Users.ByEmail(c.Attempt.Canonical)
	if err != nil || taken || c.Attempt.UserID != "" {
		return false, err
	}
	if admitted, err := c.admitted(tx); err != nil || !admitted {
		return false, err
	}
	c.user = account.User{
		ID:        c.material.userID,
		CreatedAt: c.now,
		Language:  c.Attempt.Origin.Language,
		Password:  &account.Password{PHC: c.Attempt.Proofs.NewPassword.PHC, SetAt: c.now},
		Emails: []account.Email{{
			ID:         c.material.emailID,
			Address:    c.Attempt.Address,
			Canonical:  c.Attempt.Canonical,
			VerifiedAt: c.now,
		}},
	}
	// Kept at once, because what follows refers to it; kept again at the end, with its version.
	if err := tx.Users.Put(c.user); err != nil {
		return false, err
	}
	accepted, err := c.accept(tx)
	if err != nil {
		return false, err
	}
	_, err = appendEvent(tx, &c.user, subjectUserSignedUp, typeUserSignedUp, c.now, &eventv1.UserSignedUp{
		UserId:        c.user.ID,
		ApplicationId: c.Attempt.Binding.ApplicationID,
		SignedUpAt:    timestamppb.New(c.now),
		InvitationId:  accepted,
	})
	return true, err
}

// admitted judges a sign-up once more: the lists, the rules and its invitation may have changed since it began. Its record isn't bounded, for each costs a mailed
// code and a change of the operator's.
func (c *completion) admitted(tx store.Tx) (bool, error) {
	if c.entrance == nil {
		return false, errInternal
	}
	var err error
	if c.pass, err = passAgain(tx, c.Attempt.InvitationID); err != nil {
		return false, err
	}
	if judgement := c.entrance.judge(c.Attempt, c.pass, c.now); !judgement.Allowed {
		c.Refusal, c.restrictedBy = attempt.Restricted, judgement.Reason
		return false, tx.Audit.Append(refusalRecord(c.Attempt, judgement, c.now))
	}
	_, taken, err := c.entrance.holder(tx, c.Attempt)
	return !taken, err
}

// replacePassword sets the new password and voids what was issued under the old one, other sessions included.
func (c *completion) replacePassword(tx store.Tx) error {
	c.user.Password = &account.Password{PHC: c.Attempt.Proofs.NewPassword.PHC, SetAt: c.now}
	c.user.RaiseEpoch()
	others, err := tx.Sessions.ActiveOfUser(c.user.ID)
	if err != nil {
		return err
	}
	for i := range others {
		if err := endSession(tx, &c.user, &others[i], session.EndPasswordChanged, c.now); err != nil {
			return err
		}
	}
	_, err = appendEvent(tx, &c.user, subjectPasswordChanged, typePasswordChanged, c.now, &eventv1.PasswordChanged{
		UserId:    c.user.ID,
		ChangedAt: timestamppb.New(c.now),
	})
	return err
}

// trustDevice begins or renews the trust in the attempt's device, with a new secret.
func (c *completion) trustDevice(tx store.Tx) (device.Device, error) {
	d := device.Device{ID: c.material.deviceID, UserID: c.user.ID}
	if c.Attempt.DeviceID != "" {
		held, found, err := tx.Devices.Get(c.Attempt.DeviceID)
		if err != nil {
			return device.Device{}, err
		}
		if found && held.UserID == c.user.ID {
			d = held
		}
	}
	d.About = describe(c.Attempt.Origin.UserAgent)
	d.Trust(secret.Hash(c.material.deviceSecret), c.now, c.rules.DeviceTrustLifetime, c.rules.DeviceSecretGrace)
	return d, tx.Devices.Put(d)
}

func (c *completion) newSession(on device.Device, audience string) session.Session {
	began := session.Session{
		ID:            c.material.sessionID,
		UserID:        c.user.ID,
		DeviceID:      on.ID,
		ApplicationID: c.Attempt.Binding.ApplicationID,
		Audience:      audience,
		AttemptID:     c.Attempt.ID,
		Generation:    1,
		Epoch:         c.user.Epoch,
		AMR:           c.Attempt.AMR(),
		FirstFactorAt: c.now,
		StartedAt:     c.now,
		LastUsedAt:    c.now,
		ExpiresAt:     c.now.Add(c.rules.SessionLifetime),
		IP:            c.Attempt.Origin.IP,
		About:         on.About,
	}
	if a := c.Attempt.Assessment; a != nil {
		began.Country, began.CountryName = a.Country, a.CountryName
	}
	return began
}

// tell puts the sign-in's events into the outbox: one for every sign-in, and one to alert the owner of where the device wasn't known.
func (c *completion) tell(tx store.Tx, s *session.Session, known bool) error {
	succeeded := &eventv1.SignInSucceeded{
		UserId:      c.user.ID,
		SessionId:   s.ID,
		AttemptId:   c.Attempt.ID,
		Device:      deviceMessage(s.DeviceID, s.About),
		KnownDevice: known,
		Place:       placeMessage(s.Country, s.CountryName),
		Ip:          s.IP,
		Amr:         s.AMR,
		SignedInAt:  timestamppb.New(c.now),
		AccountKey:  c.Attempt.AccountKey[:],
		SignUp:      c.Attempt.Purpose == attempt.SignUp,
		Learned:     c.learned,
	}
	if c.Attempt.Assessment != nil {
		succeeded.DecisionId = c.Attempt.Assessment.DecisionID
	}
	eventID, err := appendEvent(tx, &c.user, subjectSignInSucceeded, typeSignInSucceeded, c.now, succeeded)
	if err != nil || known || c.learned || c.Attempt.Purpose == attempt.SignUp {
		s.SignInEventID = eventID
		return err
	}
	return c.alert(tx, s)
}

// alert tells notify of a sign-in on a device that wasn't known, and keeps what its answer will name.
func (c *completion) alert(tx store.Tx, s *session.Session) error {
	eventID, err := appendEvent(tx, &c.user, subjectSignInNewDevice, typeSignInNewDevice, c.now, &eventv1.SignInNewDevice{
		UserId:     c.user.ID,
		SessionId:  s.ID,
		Device:     deviceMessage(s.DeviceID, s.About),
		Place:      placeMessage(s.Country, s.CountryName),
		Ip:         s.IP,
		Amr:        s.AMR,
		SignedInAt: timestamppb.New(c.now),
	})
	if err != nil {
		return err
	}
	s.SignInEventID = eventID
	return tx.Alerts.Put(containment.Alert{
		EventID:   eventID,
		Kind:      containment.NewDevice,
		UserID:    c.user.ID,
		SessionID: s.ID,
		DeviceID:  s.DeviceID,
		At:        c.now,
	})
}
