package storetest

import (
	"bytes"
	"strconv"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/application"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/containment"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/invitation"
	"github.com/doorward/doorward/services/authn/internal/lockout"
	"github.com/doorward/doorward/services/authn/internal/quota"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/token"
)

// Records is one record of each kind.
type Records struct {
	User        account.User
	Device      device.Device
	Session     session.Session
	Attempt     attempt.Attempt
	CountKey    [32]byte
	Budget      quota.Budget
	Lockout     lockout.Record
	CountUntil  time.Time
	Application application.Application
	Key         application.Key
	SigningKey  token.SigningKey
	Alert       containment.Alert
	Restriction restriction.Kept
	Invitation  invitation.Invitation
	Specimen    credential.Specimen
}

// Samples are the same at every call, with every field filled.
func Samples() Records {
	return Records{
		User: user(1), Device: dev(1, 1), Session: ses(1, 1), Attempt: att(1, 1),
		CountKey: accountKey(1), Budget: budget(1), Lockout: lockoutRecord(1), CountUntil: at(61),
		Application: app(1), Key: apiKey(1), SigningKey: signingKey(1), Alert: alert(1),
		Restriction: blocked(1), Invitation: invited(1), Specimen: specimen(1),
	}
}

// Put writes all of them.
func (r Records) Put(tx store.Tx) error {
	for _, put := range []func() error{
		func() error { return tx.Users.Put(r.User) },
		func() error { return tx.Devices.Put(r.Device) },
		func() error { return tx.Sessions.Put(r.Session) },
		func() error { return tx.Attempts.Put(r.Attempt) },
		func() error { return tx.Budgets.Put(r.CountKey, r.Budget, r.CountUntil) },
		func() error { return tx.Lockouts.Put(r.CountKey, r.Lockout, r.CountUntil) },
		func() error { return tx.Applications.Put(r.Application) },
		func() error { return tx.Applications.PutKey(r.Key) },
		func() error { return tx.SigningKeys.Put(r.SigningKey) },
		func() error { return tx.Alerts.Put(r.Alert) },
		func() error { _, err := tx.Restrictions.Add([]restriction.Kept{r.Restriction}); return err },
		func() error { return tx.Invitations.Put(r.Invitation) },
		func() error { return tx.Specimens.Put(r.Specimen) },
	} {
		if err := put(); err != nil {
			return err
		}
	}
	return nil
}

// Read reads all of them back. What isn't there stays empty. CountUntil, which no role reads, is taken over.
func (r Records) Read(tx store.Tx) (got Records, err error) {
	got.CountKey, got.CountUntil = r.CountKey, r.CountUntil
	for _, get := range []func() error{
		func() error { got.User, _, err = tx.Users.Get(r.User.ID); return err },
		func() error { got.Device, _, err = tx.Devices.Get(r.Device.ID); return err },
		func() error { got.Session, _, err = tx.Sessions.Get(r.Session.ID); return err },
		func() error { got.Attempt, _, err = tx.Attempts.Get(r.Attempt.ID); return err },
		func() error { got.Budget, err = tx.Budgets.Get(r.CountKey); return err },
		func() error { got.Lockout, err = tx.Lockouts.Get(r.CountKey); return err },
		func() error { got.Application, _, err = tx.Applications.Get(r.Application.ID); return err },
		func() error { got.Key, _, err = tx.Applications.Key(r.Key.ID); return err },
		func() error { got.SigningKey, err = firstSigningKey(tx); return err },
		func() error { got.Alert, _, err = tx.Alerts.Get(r.Alert.EventID); return err },
		func() error { got.Restriction, err = firstRestriction(tx, r.Restriction.List); return err },
		func() error { got.Invitation, _, err = tx.Invitations.Get(r.Invitation.ID); return err },
		func() error { got.Specimen, err = firstSpecimen(tx); return err },
	} {
		if err := get(); err != nil {
			return got, err
		}
	}
	return got, nil
}

func firstSigningKey(tx store.Tx) (token.SigningKey, error) {
	keys, err := tx.SigningKeys.List()
	if err != nil || len(keys) == 0 {
		return token.SigningKey{}, err
	}
	return keys[0], nil
}

func firstRestriction(tx store.Tx, list restriction.List) (restriction.Kept, error) {
	entries, err := tx.Restrictions.List(list, "", 1)
	if err != nil || len(entries) == 0 {
		return restriction.Kept{}, err
	}
	return entries[0], nil
}

func firstSpecimen(tx store.Tx) (credential.Specimen, error) {
	all, err := tx.Specimens.List()
	if err != nil || len(all) == 0 {
		return credential.Specimen{}, err
	}
	return all[0], nil
}

// user has its n-th address, verified, and one more that was removed.
func user(n int) account.User {
	return account.User{
		ID: ident("usr", n), Version: 3, Epoch: 2,
		Emails: []account.Email{
			{ID: ident("eml", 2*n), Address: "Gone@Example.com", Canonical: "gone@example.com", VerifiedAt: at(-9), RemovedAt: at(-1), RemovedOnTrusted: true, Claimed: true},
			email(n),
		},
		Password:  &account.Password{PHC: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", SetAt: at(-8), ContainedAt: at(-2), CompromisedAt: at(-3)},
		Language:  "de-CH",
		CreatedAt: at(-9),
		Lock:      &account.Lock{At: at(-1), Until: at(90)},
		BannedAt:  at(0),
		// Every user's own, as its address is.
		ExternalID: "ext-" + strconv.Itoa(n), Name: "Owner " + strconv.Itoa(n),
		Import: &account.Import{At: at(-9), Row: digest("row", n), LearnUntil: at(5)},
	}
}

func email(n int) account.Email {
	return account.Email{ID: ident("eml", 2*n+1), Address: "Owner" + strconv.Itoa(n) + "@Example.com", Canonical: address(n), VerifiedAt: at(-8)}
}

func address(n int) string { return "owner" + strconv.Itoa(n) + "@example.com" }

func dev(n, owner int) device.Device {
	return device.Device{
		ID: ident("dev", n), UserID: ident("usr", owner),
		Secret: digest("device", n), Previous: digest("device before", n), PreviousUntil: at(n + 1),
		Spent:          []secret.Digest{digest("spent", n), digest("spent too", n)},
		FirstTrustedAt: at(n), TrustedUntil: at(n + 90), UntrustedAt: at(n + 2),
		About: about(),
	}
}

func about() device.Description {
	return device.Description{Browser: "Firefox 140", System: "Linux", Kind: "desktop"}
}

func ses(n, owner int) session.Session {
	return session.Session{
		ID: ident("ses", n), UserID: ident("usr", owner), DeviceID: ident("dev", n), ApplicationID: ident("app", 1), Audience: "notes",
		AttemptID: ident("att", n), SignInEventID: ident("evt", n), Generation: 4, Epoch: 2, AMR: []string{"pwd", "otp"},
		FirstFactorAt: at(n), SecondFactorAt: at(n + 1), StartedAt: at(n + 1), LastUsedAt: at(n + 2), ExpiresAt: at(n + 100),
		EndedAt: at(n + 3), End: session.EndRevoked,
		Refresh: digest("refresh", n), Previous: digest("refresh before", n), RefreshedAt: at(n + 2),
		IP: "192.0.2.7", Country: "CH", CountryName: "Switzerland", About: about(),
	}
}

// active is a session that hasn't ended.
func active(n, owner int) session.Session {
	s := ses(n, owner)
	s.EndedAt, s.End = time.Time{}, ""
	return s
}

func att(n, identifier int) attempt.Attempt {
	return attempt.Attempt{
		ID: ident("att", n), Purpose: attempt.SignIn, Secret: digest("attempt", n),
		Binding: attempt.Binding{ApplicationID: ident("app", 1), Device: digest("device", n), UserAgent: digest("agent", n)},
		Address: "Owner@Example.com", Canonical: address(identifier), AccountKey: accountKey(identifier),
		UserID: ident("usr", identifier), Epoch: 2, DeviceID: ident("dev", n),
		Assessment: &attempt.Assessment{DecisionID: ident("dec", n), Verdict: attempt.Allow, Country: "CH", CountryName: "Switzerland"},
		Proofs:     attempt.Proofs{PasswordAt: at(n + 1), EmailCodeAt: at(n + 2), NewPassword: &attempt.HashedPassword{PHC: "$argon2id$…"}},
		WithheldAt: at(n + 1),
		Codes:      []attempt.Code{{MAC: digest("code", n), ExpiresAt: at(n + 10)}, {MAC: digest("code too", n), ExpiresAt: at(n + 11)}},
		Wrong:      1, CreatedAt: at(n), ExpiresAt: at(n + 15), FinishedAt: at(n + 3),
		Origin: attempt.Origin{IP: "192.0.2.7", UserAgent: "Mozilla/5.0", Language: "de-CH"}, InvitationID: ident("inv", n),
	}
}

// accountKey has the bytes that an index could trip over.
func accountKey(n int) [32]byte {
	key := [32]byte(bytes.Repeat([]byte{0, 1, 0xff, 0}, 8))
	key[31] = byte(n)
	return key
}

func app(n int) application.Application {
	return application.Application{ID: ident("app", n), Name: "notes " + strconv.Itoa(n), Audience: "notes", CreatedAt: at(n)}
}

func apiKey(n int) application.Key {
	return application.Key{
		ID: ident("key", n), ApplicationID: ident("app", n), Secret: digest("key", n),
		Scopes: []application.Scope{application.SpeakForUsers, application.Operator}, CreatedAt: at(n), RevokedAt: at(n + 1),
		SuccessorID: ident("key", n+1000), ExpiresAt: at(n + 2),
	}
}

func signingKey(n int) token.SigningKey {
	return token.SigningKey{
		ID: ident("key", n), Public: bytes.Repeat([]byte{byte(n)}, 32), Sealed: bytes.Repeat([]byte{byte(n + 1)}, 61),
		CreatedAt: at(n), SignsFrom: at(n + 10), RevokedAt: at(n + 20),
	}
}

func alert(n int) containment.Alert {
	return containment.Alert{
		EventID: ident("evt", n), Kind: containment.NewDevice,
		UserID: ident("usr", 1), SessionID: ident("ses", n), DeviceID: ident("dev", n), At: at(n),
		Result: &containment.Result{At: at(n + 1), EventID: ident("evt", 1000+n), Sessions: []string{ident("ses", n)}, Devices: []string{ident("dev", n)}},
	}
}

// blocked is an entry for an address, in a spelling of its own.
func blocked(n int) restriction.Kept {
	return restriction.Kept{
		Entry: restriction.Entry{
			List: restriction.Block, Kind: restriction.Email, Name: address(n), Written: "Owner" + strconv.Itoa(n) + "@EXAMPLE.com",
		},
		AddedAt: at(n), AddedBy: ident("app", n), Note: "spam",
	}
}

// invited is an invitation that was accepted and, which none is, revoked too: every field is filled.
func invited(n int) invitation.Invitation {
	return invitation.Invitation{
		ID: ident("inv", n), Email: "Owner" + strconv.Itoa(n) + "@Example.com", Canonical: address(n), Secret: digest("invitation", n),
		CreatedAt: at(n), CreatedBy: ident("app", n), Note: "asked for it", ExpiresAt: at(n + 100),
		RevokedAt: at(n + 20), RevokedBy: ident("app", n), AcceptedAt: at(n + 10), AcceptedBy: ident("usr", n),
	}
}

func specimen(n int) credential.Specimen {
	return credential.Specimen{Kind: "bcrypt", Form: "$2b$" + strconv.Itoa(9+n) + "$.....................................................", Work: 512 << n}
}

func digest(of string, n int) secret.Digest { return secret.Hash(secret.Wrap(of + strconv.Itoa(n))) }

func row(n int) outbox.Row {
	return outbox.Row{
		ID: ident("evt", n), Subject: "doorward.event.authn.signin.succeeded", Key: ident("usr", 1),
		Type: "authn.signin.succeeded.v1", Source: "authn", Time: at(n), UserVersion: 3, Data: []byte("body"),
	}
}

func auditRecord(n int) audit.Record {
	return audit.Record{
		ID: ident("aud", n), At: at(n), Actor: audit.Actor{Kind: audit.System, ID: "authn"},
		Action: "session.revoke", Target: audit.Target{Kind: "session", ID: ident("ses", n)}, Outcome: audit.Done,
	}
}

func policyRecord(version uint64) policy.Record {
	return policy.Record{Version: version, Value: []byte(`{"attempt_answers":3}`), ChangedAt: at(1), ChangedBy: ident("usr", 1), Reason: "test"}
}
