package authn_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/fault"
)

func TestOperatorsSeeAccountsAndNothingSecret(t *testing.T) {
	w := newWorld(t)
	mails, app, operator := w.mailbox(), w.application(), w.operator()
	var want []string
	for _, email := range []string{"Ada@example.org", "bea@example.org", "cy@example.org"} {
		want = append(want, app.signUp(mails, laptop(), email).GetUserId())
		w.clock.forward(time.Second)
	}
	var got []string
	for token, pages := "", 0; pages == 0 || token != ""; pages++ {
		r, err := operator.users.ListUsers(t.Context(), &authnv1.ListUsersRequest{PageSize: 2, PageToken: token})
		w.must(err)
		for _, u := range r.GetUsers() {
			got = append(got, u.GetId())
		}
		token = r.GetNextPageToken()
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("listed %v, want %v", got, want)
	}
	r, err := operator.users.GetUser(t.Context(), &authnv1.GetUserRequest{User: &authnv1.GetUserRequest_Email{Email: "ada@example.org"}})
	w.must(err)
	u := r.GetUser()
	if u.GetId() != want[0] || len(u.GetEmails()) != 1 || u.GetEmails()[0].GetAddress() != "Ada@example.org" ||
		u.GetEmails()[0].GetVerifiedAt() == nil || u.GetEmails()[0].GetRemovedAt() != nil {
		t.Errorf("the account %s has %v", u.GetId(), u.GetEmails())
	}
	if u.GetPassword() != authnv1.PasswordState_PASSWORD_STATE_GOOD || u.GetPasswordSetAt() == nil || u.GetCreatedAt() == nil || u.GetVersion() == 0 {
		t.Errorf("password %v since %v, version %d", u.GetPassword(), u.GetPasswordSetAt(), u.GetVersion())
	}
}

func TestAnUntrustedDeviceNeedsACheckAgain(t *testing.T) {
	w := newWorld(t)
	mails, events := w.mailbox(), w.nats.events(bus.StreamAuthn)
	app, operator := w.application(), w.operator()
	const email = "ada@example.org"
	home := laptop()
	grant := app.signUp(mails, home, email)
	whose := &authnv1.ListDevicesRequest{User: &authnv1.ListDevicesRequest_Email{Email: email}}
	listed, err := operator.devices.ListDevices(t.Context(), whose)
	w.must(err)
	if len(listed.GetDevices()) != 1 {
		t.Fatalf("%d devices", len(listed.GetDevices()))
	}
	d := listed.GetDevices()[0]
	if !d.GetKnown() || d.GetUserId() != grant.GetUserId() || d.GetDevice().GetBrowser() != "Firefox 144" || d.GetTrustedSince() == nil || d.GetUntrustedAt() != nil {
		t.Errorf("the device is %v of %s, known %t", d.GetDevice().GetBrowser(), d.GetUserId(), d.GetKnown())
	}

	untrusted, err := operator.devices.UntrustDevice(t.Context(), &authnv1.UntrustDeviceRequest{DeviceId: d.GetDevice().GetId(), EndSessions: true})
	w.must(err)
	if untrusted.GetDevice().GetKnown() || untrusted.GetDevice().GetUntrustedAt() == nil || len(untrusted.GetEndedSessionIds()) != 1 {
		t.Errorf("known %t, ended %v", untrusted.GetDevice().GetKnown(), untrusted.GetEndedSessionIds())
	}
	var told eventv1.DeviceUntrusted
	if e := await(t, events, "authn.device.untrusted.v1", &told); e.User != grant.GetUserId() || told.GetDeviceId() != d.GetDevice().GetId() {
		t.Errorf("the event is about %s of %s", told.GetDeviceId(), e.User)
	}
	refused(t, app.verify(grant.GetSessionToken()), fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)
	x := app.startSignIn(home, email)
	x.at(authnv1.Step_STEP_DEVICE_VERIFICATION, x.password(ownersPassword))
}

func TestAllOfAUsersSessionsAreRevoked(t *testing.T) {
	w := newWorld(t)
	feed, app, operator := w.nats.feed(), w.application(), w.operator()
	const email = "ada@example.org"
	home := laptop()
	grants := []*authnv1.Grant{app.signUp(w.mailbox(), home, email)}
	x := app.startSignIn(home, email)
	grants = append(grants, x.done(x.password(ownersPassword)))
	revoked, err := operator.sessions.RevokeUserSessions(t.Context(), &authnv1.RevokeUserSessionsRequest{
		User: &authnv1.RevokeUserSessionsRequest_Email{Email: email},
	})
	w.must(err)
	if revoked.GetUserId() != grants[0].GetUserId() || len(revoked.GetSessionIds()) != 2 {
		t.Errorf("revoked %v of %s", revoked.GetSessionIds(), revoked.GetUserId())
	}
	missing := map[string]bool{}
	for _, g := range grants {
		refused(t, app.verify(g.GetSessionToken()), fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)
		missing["doorward.revocation.session."+g.GetSessionId()] = true
	}
	w.eventually("the feed has both revocations", func() bool {
		select {
		case m := <-feed:
			delete(missing, m.Subject())
		default:
		}
		return len(missing) == 0
	})
}

func TestARotatedAPIKeyWorksUntilItsEnd(t *testing.T) {
	w := newWorld(t)
	operator := w.operator()
	made, err := operator.applications.CreateApiKey(t.Context(), &authnv1.CreateApiKeyRequest{ApplicationId: w.first.ApplicationID})
	w.must(err)
	rotated, err := operator.applications.RotateApiKey(t.Context(), &authnv1.RotateApiKeyRequest{
		ApiKeyId: made.GetApiKeyId(), Overlap: durationpb.New(time.Hour),
	})
	w.must(err)
	old, young := w.withKey(made.GetApiKey()), w.withKey(rotated.GetApiKey())
	for _, c := range []*caller{old, young} {
		refused(t, c.verify("x"), fault.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_INVALID)
	}
	w.clock.forward(time.Hour)
	refused(t, old.verify("x"), fault.Unauthenticated, typev1.Reason_REASON_API_KEY_INVALID)
	refused(t, young.verify("x"), fault.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_INVALID)
	_, err = operator.applications.RotateApiKey(t.Context(), &authnv1.RotateApiKeyRequest{ApiKeyId: made.GetApiKeyId()})
	refused(t, err, fault.Precondition, typev1.Reason_REASON_API_KEY_ENDED)

	byDefault, err := operator.applications.RotateApiKey(t.Context(), &authnv1.RotateApiKeyRequest{ApiKeyId: rotated.GetApiKeyId()})
	w.must(err)
	if left := byDefault.GetOldKeyExpiresAt().AsTime().Sub(w.clock.now()); left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("without an overlap the old key has %v left, want a day", left)
	}

	r, err := operator.applications.ListApplications(t.Context(), &authnv1.ListApplicationsRequest{PageSize: 1})
	w.must(err)
	if len(r.GetApplications()) != 1 || r.GetApplications()[0].GetApplication().GetName() != "application" || r.GetNextPageToken() == "" {
		t.Fatalf("the first page has %v", r.GetApplications())
	}
	successors := map[string]string{}
	for _, k := range r.GetApplications()[0].GetApiKeys() {
		successors[k.GetId()] = k.GetSuccessorId()
		if k.GetSuccessorId() != "" && k.GetExpiresAt() == nil {
			t.Errorf("%s has a successor and no end", k.GetId())
		}
	}
	if len(successors) != 4 || successors[made.GetApiKeyId()] != rotated.GetApiKeyId() || successors[rotated.GetApiKeyId()] != byDefault.GetApiKeyId() {
		t.Errorf("successors %v", successors)
	}
	r, err = operator.applications.ListApplications(t.Context(), &authnv1.ListApplicationsRequest{PageToken: r.GetNextPageToken()})
	w.must(err)
	if len(r.GetApplications()) != 1 || r.GetApplications()[0].GetApplication().GetName() != "operator" || r.GetNextPageToken() != "" {
		t.Errorf("the second page has %v", r.GetApplications())
	}
	w.expectNotLogged(made.GetApiKey(), rotated.GetApiKey(), byDefault.GetApiKey())
}

func TestReplacedSigningKeysEndTheirTokensAndNoSession(t *testing.T) {
	w := newWorld(t)
	feed, app, operator := w.nats.feed(), w.application(), w.operator()
	home := laptop()
	grant := app.signUp(w.mailbox(), home, "ada@example.org")
	w.must(app.verify(grant.GetSessionToken()))
	before, err := operator.keys.ListSigningKeys(t.Context(), &authnv1.ListSigningKeysRequest{})
	w.must(err)
	if len(before.GetKeys()) != 1 || before.GetKeys()[0].GetState() != authnv1.SigningKeyState_SIGNING_KEY_STATE_CURRENT {
		t.Fatalf("keys %v", before.GetKeys())
	}
	stolen := before.GetKeys()[0].GetId()

	replaced, err := operator.keys.ReplaceSigningKeys(t.Context(), &authnv1.ReplaceSigningKeysRequest{Note: "stolen"})
	w.must(err)
	if got := replaced.GetRevokedKeyIds(); len(got) != 1 || got[0] != stolen || replaced.GetCurrent().GetId() == stolen {
		t.Errorf("revoked %v, current %s", got, replaced.GetCurrent().GetId())
	}
	refused(t, app.verify(grant.GetSessionToken()), fault.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_EXPIRED)
	next, err := app.refresh(home, grant.GetRefreshToken())
	w.must(err)
	w.must(app.verify(next.GetSessionToken()))
	set, err := app.keys.GetKeySet(t.Context(), &authnv1.GetKeySetRequest{})
	w.must(err)
	if len(set.GetKeys()) != 1 || set.GetKeys()[0].GetId() != replaced.GetCurrent().GetId() {
		t.Errorf("published %v", set.GetKeys())
	}
	w.eventually("the feed has the key's revocation", func() bool {
		select {
		case m := <-feed:
			return m.Subject() == "doorward.revocation.signing_key."+stolen && m.Headers().Get("ce-type") == "revocation.signing_key.v1"
		default:
			return false
		}
	})
	// What is stored of it outlives a restart.
	w.stop()
	w.start()
	refused(t, w.application().verify(grant.GetSessionToken()), fault.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_EXPIRED)
	w.must(w.application().verify(next.GetSessionToken()))
}

func TestOperatorsBadInputIsRefused(t *testing.T) {
	w := newWorld(t)
	c := w.operator()
	const noUser = "usr_00000000000000000000000000"
	invalid, absent := typev1.Reason_REASON_INVALID_FIELD, typev1.Reason_REASON_NOT_FOUND
	for name, tt := range map[string]struct {
		call func(context.Context) error
		want typev1.Reason
	}{
		"users: a page too large": {func(ctx context.Context) error {
			_, err := c.users.ListUsers(ctx, &authnv1.ListUsersRequest{PageSize: 201})
			return err
		}, invalid},
		"users: a session's id as token": {func(ctx context.Context) error {
			_, err := c.users.ListUsers(ctx, &authnv1.ListUsersRequest{PageToken: "ses_00000000000000000000000000"})
			return err
		}, invalid},
		"user: nobody named": {func(ctx context.Context) error {
			_, err := c.users.GetUser(ctx, &authnv1.GetUserRequest{})
			return err
		}, invalid},
		"user: unknown": {func(ctx context.Context) error {
			_, err := c.users.GetUser(ctx, &authnv1.GetUserRequest{User: &authnv1.GetUserRequest_UserId{UserId: noUser}})
			return err
		}, absent},
		"devices: unknown user": {func(ctx context.Context) error {
			_, err := c.devices.ListDevices(ctx, &authnv1.ListDevicesRequest{User: &authnv1.ListDevicesRequest_UserId{UserId: noUser}})
			return err
		}, absent},
		"devices: no address": {func(ctx context.Context) error {
			_, err := c.devices.ListDevices(ctx, &authnv1.ListDevicesRequest{User: &authnv1.ListDevicesRequest_Email{Email: "ada"}})
			return err
		}, invalid},
		"untrust: unknown device": {func(ctx context.Context) error {
			_, err := c.devices.UntrustDevice(ctx, &authnv1.UntrustDeviceRequest{DeviceId: "dev_1"})
			return err
		}, absent},
		"untrust: a long note": {func(ctx context.Context) error {
			_, err := c.devices.UntrustDevice(ctx, &authnv1.UntrustDeviceRequest{DeviceId: "dev_1", Note: strings.Repeat("x", 257)})
			return err
		}, invalid},
		"revoke all: unknown user": {func(ctx context.Context) error {
			_, err := c.sessions.RevokeUserSessions(ctx, &authnv1.RevokeUserSessionsRequest{User: &authnv1.RevokeUserSessionsRequest_UserId{UserId: noUser}})
			return err
		}, absent},
		"applications: a token that isn't one": {func(ctx context.Context) error {
			_, err := c.applications.ListApplications(ctx, &authnv1.ListApplicationsRequest{PageToken: "not base64!"})
			return err
		}, invalid},
		"rotate: unknown key": {func(ctx context.Context) error {
			_, err := c.applications.RotateApiKey(ctx, &authnv1.RotateApiKeyRequest{ApiKeyId: "key_1"})
			return err
		}, absent},
		"rotate: an overlap below zero": {func(ctx context.Context) error {
			_, err := c.applications.RotateApiKey(ctx, &authnv1.RotateApiKeyRequest{ApiKeyId: "key_1", Overlap: durationpb.New(-1)})
			return err
		}, invalid},
		"rotate: an overlap of years": {func(ctx context.Context) error {
			_, err := c.applications.RotateApiKey(ctx, &authnv1.RotateApiKeyRequest{ApiKeyId: "key_1", Overlap: durationpb.New(30*24*time.Hour + 1)})
			return err
		}, invalid},
		"replace: without saying why": {func(ctx context.Context) error {
			_, err := c.keys.ReplaceSigningKeys(ctx, &authnv1.ReplaceSigningKeysRequest{})
			return err
		}, invalid},
	} {
		t.Run(name, func(t *testing.T) {
			kind := fault.Invalid
			if tt.want == absent {
				kind = fault.NotFound
			}
			refused(t, tt.call(t.Context()), kind, tt.want)
		})
	}
	keys, err := c.keys.ListSigningKeys(t.Context(), &authnv1.ListSigningKeysRequest{})
	w.must(err)
	if len(keys.GetKeys()) != 1 {
		t.Errorf("%d signing keys after calls that were all refused", len(keys.GetKeys()))
	}
}
