package flow

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// source is the CloudEvents source of everything that authn publishes.
const source = "authn"

// Subjects and types of authn's events. A type is the subject without `doorward.event.`, plus the version.
const (
	subjectSignInSucceeded  = "doorward.event.authn.signin.succeeded"
	subjectSignInNewDevice  = "doorward.event.authn.signin.new_device"
	subjectSignInAbandoned  = "doorward.event.authn.signin.abandoned"
	subjectSessionRevoked   = "doorward.event.authn.session.revoked"
	subjectSessionContained = "doorward.event.authn.session.contained"
	subjectUserSignedUp     = "doorward.event.authn.user.signed_up"
	subjectUserImported     = "doorward.event.authn.user.imported"
	subjectPasswordChanged  = "doorward.event.authn.credential.password_changed"
	subjectDeviceUntrusted  = "doorward.event.authn.device.untrusted"
	subjectUserLocked       = "doorward.event.authn.user.locked"
	subjectUserUnlocked     = "doorward.event.authn.user.unlocked"
	subjectUserBanned       = "doorward.event.authn.user.banned"
	subjectUserUnbanned     = "doorward.event.authn.user.unbanned"
	subjectCompromised      = "doorward.event.authn.credential.compromised"
	subjectPolicyChanged    = "doorward.event.authn.policy.changed"
	subjectSignInFailed     = "doorward.attempt.signin.failed"
	subjectRevocation       = "doorward.revocation.session."
	subjectKeyRevocation    = "doorward.revocation.signing_key."
	subjectMail             = "doorward.mail.send"

	typeSignInSucceeded  = "authn.signin.succeeded.v1"
	typeSignInNewDevice  = "authn.signin.new_device.v1"
	typeSignInAbandoned  = "authn.signin.abandoned.v1"
	typeSessionRevoked   = "authn.session.revoked.v1"
	typeSessionContained = "authn.session.contained.v1"
	typeUserSignedUp     = "authn.user.signed_up.v1"
	typeUserImported     = "authn.user.imported.v1"
	typePasswordChanged  = "authn.credential.password_changed.v1" //nolint:gosec // G101: an event's type, no credential
	typeDeviceUntrusted  = "authn.device.untrusted.v1"
	typeUserLocked       = "authn.user.locked.v1"
	typeUserUnlocked     = "authn.user.unlocked.v1"
	typeUserBanned       = "authn.user.banned.v1"
	typeUserUnbanned     = "authn.user.unbanned.v1"
	typeCompromised      = "authn.credential.compromised.v1"
	typePolicyChanged    = "authn.policy.changed.v1"
	typeSignInFailed     = "attempt.signin.failed.v1"
	typeRevocation       = "revocation.session.v1"
	typeKeyRevocation    = "revocation.signing_key.v1"
	typeMail             = "mail.send.v1"
)

// revocationSkew is how much longer than a token's life a revocation is kept, for verifiers whose clocks are behind.
const revocationSkew = time.Minute

// appendEvent puts an event into the outbox, about a user or, with a zero user, about nobody.
func appendEvent(tx store.Tx, user *account.User, subject, eventType string, at time.Time, body proto.Message) (eventID string, err error) {
	data, err := proto.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("encode %s: %w", eventType, err)
	}
	row := outbox.Row{
		ID:      id.New("evt", at),
		Subject: subject,
		Type:    eventType,
		Source:  source,
		Time:    at,
		Data:    data,
	}
	if user != nil {
		row.Key, row.UserVersion = user.ID, user.Changed()
	}
	return row.ID, tx.Outbox.Append(row)
}

// wrong is what risk is told of a wrong answer.
type wrong struct {
	factor attempt.Factor
	known  bool
	// decisionID is risk's decision on this answer; empty when risk wasn't asked.
	decisionID string
}

// emitFailed tells risk of a wrong answer. It names nobody.
func emitFailed(tx store.Tx, a attempt.Attempt, w wrong, now time.Time) error {
	_, err := appendEvent(tx, nil, subjectSignInFailed, typeSignInFailed, now, &eventv1.SignInFailed{
		AttemptId:   a.ID,
		AccountKey:  a.AccountKey[:],
		Ip:          a.Origin.IP,
		Factor:      string(w.factor),
		KnownDevice: w.known,
		FailedAt:    timestamppb.New(now),
		DecisionId:  w.decisionID,
	})
	return err
}

// endSession ends a session, tells of it, and has every verifier refuse its tokens. One that has ended already is left as it is.
func endSession(tx store.Tx, user *account.User, s *session.Session, why session.End, now time.Time) error {
	if !s.Finish(why, now) {
		return nil
	}
	return tellEnded(tx, user, s)
}

// tellEnded keeps a session that has just ended, tells of it, and has every verifier refuse its tokens.
func tellEnded(tx store.Tx, user *account.User, s *session.Session) error {
	if err := tx.Sessions.Put(*s); err != nil {
		return err
	}
	// The revocation first: it is what closes the door.
	_, err := appendEvent(tx, user, subjectRevocation+s.ID, typeRevocation, s.EndedAt, &eventv1.Revocation{
		SessionId:   s.ID,
		RevokedAt:   timestamppb.New(s.EndedAt),
		ForgetAfter: timestamppb.New(s.EndedAt.Add(tuning.MaxSessionTokenLifetime + revocationSkew)),
	})
	if err != nil {
		return err
	}
	return tellRevoked(tx, user, s)
}

// tellRevoked tells of a session that has just ended.
func tellRevoked(tx store.Tx, user *account.User, s *session.Session) error {
	_, err := appendEvent(tx, user, subjectSessionRevoked, typeSessionRevoked, s.EndedAt, &eventv1.SessionRevoked{
		SessionId: s.ID,
		UserId:    s.UserID,
		Cause:     string(s.End),
		RevokedAt: timestamppb.New(s.EndedAt),
	})
	return err
}

func deviceMessage(deviceID string, about device.Description) *typev1.Device {
	return &typev1.Device{Id: deviceID, Browser: about.Browser, System: about.System, Kind: deviceKinds[about.Kind]}
}

func placeMessage(country, name string) *typev1.Place {
	return &typev1.Place{CountryCode: country, CountryName: name}
}
