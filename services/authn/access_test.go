package authn_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/prometheus/client_golang/prometheus"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/services/authn"
	"github.com/doorward/doorward/services/authn/internal/api"
	"github.com/doorward/doorward/services/authn/internal/store/boltstore"
)

func TestEveryMethodHasARow(t *testing.T) {
	w := newWorld(t)
	info := w.service.Server().GetServiceInfo()
	if missing := access.Missing(w.service.Server().Table(), info); len(missing) > 0 {
		t.Errorf("methods without a row: %v", missing)
	}
	if stale := access.Stale(authn.Table(), info); len(stale) > 0 {
		t.Errorf("rows without a method: %v", stale)
	}
	if len(info) != 13 { // twelve of ours, and health; reflection only where it is asked for
		t.Errorf("services %v", slices.Sorted(maps.Keys(info)))
	}
}

// TestWhoIsInOutlastsWhoWantsIn: under load a sign-up is refused first, then a sign-in, and last what keeps people in and intruders out.
func TestWhoIsInOutlastsWhoWantsIn(t *testing.T) {
	table := authn.Table()
	for method, want := range map[string]access.Priority{
		authnv1.AttemptService_StartSignUp_FullMethodName:    access.Deferrable,
		authnv1.AttemptService_StartSignIn_FullMethodName:    access.Interactive,
		authnv1.AttemptService_Prepare_FullMethodName:        access.Interactive,
		authnv1.AttemptService_Continue_FullMethodName:       access.Interactive,
		authnv1.SessionService_VerifySession_FullMethodName:  access.Vital,
		authnv1.SessionService_RefreshSession_FullMethodName: access.Vital,
		authnv1.SessionService_RevokeSession_FullMethodName:  access.Vital,
		authnv1.KeyService_GetKeySet_FullMethodName:          access.Vital,
		authnv1.AlertService_PrepareAlert_FullMethodName:     access.Vital,
	} {
		if got := table[method].Priority; got != want {
			t.Errorf("%s is %v, want %v", method, got, want)
		}
	}
}

// TestDenials tries every method as every kind of caller. Access is judged before the request is, so an empty request tells the two
// apart: whoever may call is told what is wrong with it.
// TestTheDoorCountsNoApplicationsCalls: the use cases do, after the rates of those for whom it calls. A count at the door would be used up by one of them.
func TestTheDoorCountsNoApplicationsCalls(t *testing.T) {
	frozen := time.Now()
	guard, err := access.NewGuard(access.GuardConfig{
		Table: authn.Table(), Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return frozen },
	})
	if err != nil {
		t.Fatal(err)
	}
	shop := access.Principal{Kind: access.Application, ID: "app_1", ApplicationID: "app_1", Scopes: []string{"speak_for_users"}}
	for method, row := range authn.Table() {
		if row.Callers != access.Application {
			continue
		}
		for range 10_000 {
			if err := guard.Admit(t.Context(), method, shop); err != nil {
				t.Errorf("%s: %v", method, err)
				break
			}
		}
	}
}

func TestDenials(t *testing.T) {
	w := newWorld(t)
	callers := map[string]*caller{
		"nobody":        w.withKey(""),
		"application":   w.application(),
		"verifier":      w.withKey(w.newKey()),
		"operator key":  w.operator(),
		"both scopes":   w.withKey(w.newKey(authnv1.Scope_SCOPE_OPERATOR, authnv1.Scope_SCOPE_SPEAK_FOR_USERS)),
		"operator cert": w.withCertificate("operator"),
		"notify":        w.withCertificate("notify"),
		"risk":          w.withCertificate("risk"),
		"portal":        w.withCertificate("portal"),
		"authn":         w.withCertificate("authn"),
	}
	operators := []string{"operator key", "both scopes", "operator cert"}
	rows := map[string][]string{
		authnv1.AttemptService_StartSignUp_FullMethodName:           {"application"},
		authnv1.AttemptService_StartSignIn_FullMethodName:           {"application"},
		authnv1.AttemptService_Prepare_FullMethodName:               {"application"},
		authnv1.AttemptService_Continue_FullMethodName:              {"application"},
		authnv1.SessionService_RefreshSession_FullMethodName:        {"application"},
		authnv1.SessionService_VerifySession_FullMethodName:         {"application", "verifier"},
		authnv1.SessionService_ListSessions_FullMethodName:          operators,
		authnv1.SessionService_RevokeSession_FullMethodName:         operators,
		authnv1.SessionService_RevokeUserSessions_FullMethodName:    operators,
		authnv1.UserService_ListUsers_FullMethodName:                operators,
		authnv1.UserService_GetUser_FullMethodName:                  operators,
		authnv1.UserService_LockUser_FullMethodName:                 operators,
		authnv1.UserService_UnlockUser_FullMethodName:               operators,
		authnv1.UserService_BanUser_FullMethodName:                  operators,
		authnv1.UserService_UnbanUser_FullMethodName:                operators,
		authnv1.UserService_ImportUsers_FullMethodName:              operators,
		authnv1.UserService_MarkCompromised_FullMethodName:          operators,
		authnv1.PolicyService_GetPolicy_FullMethodName:              operators,
		authnv1.PolicyService_UpdatePolicy_FullMethodName:           operators,
		authnv1.RestrictionService_AddEntries_FullMethodName:        operators,
		authnv1.RestrictionService_RemoveEntries_FullMethodName:     operators,
		authnv1.RestrictionService_ImportEntries_FullMethodName:     operators,
		authnv1.RestrictionService_ListEntries_FullMethodName:       operators,
		authnv1.RestrictionService_ExplainAddress_FullMethodName:    operators,
		authnv1.RestrictionService_SweepUsers_FullMethodName:        operators,
		authnv1.InvitationService_CreateInvitations_FullMethodName:  operators,
		authnv1.InvitationService_ListInvitations_FullMethodName:    operators,
		authnv1.InvitationService_RevokeInvitation_FullMethodName:   operators,
		authnv1.DeviceService_ListDevices_FullMethodName:            operators,
		authnv1.DeviceService_UntrustDevice_FullMethodName:          operators,
		authnv1.KeyService_ListSigningKeys_FullMethodName:           operators,
		authnv1.KeyService_RotateSigningKey_FullMethodName:          operators,
		authnv1.KeyService_ReplaceSigningKeys_FullMethodName:        operators,
		authnv1.KeyService_GetKeySet_FullMethodName:                 slices.Sorted(maps.Keys(callers)),
		authnv1.AlertService_PrepareAlert_FullMethodName:            {"notify"},
		authnv1.ApplicationService_CreateApplication_FullMethodName: operators,
		authnv1.ApplicationService_ListApplications_FullMethodName:  operators,
		authnv1.ApplicationService_CreateApiKey_FullMethodName:      operators,
		authnv1.ApplicationService_RotateApiKey_FullMethodName:      operators,
		authnv1.ApplicationService_RevokeApiKey_FullMethodName:      operators,

		operatorv1.DeadLetterService_ListDeadLetters_FullMethodName:  operators,
		operatorv1.DeadLetterService_ReplayDeadLetter_FullMethodName: operators,
		operatorv1.DeadLetterService_DropDeadLetter_FullMethodName:   operators,
		operatorv1.BackupService_BackUp_FullMethodName:               {"operator cert"},
	}
	for method := range authn.Table() {
		if _, listed := rows[method]; !listed {
			t.Errorf("%s has a row and isn't in this test", method)
		}
	}
	for method, allowed := range rows {
		for name, c := range callers {
			err := c.ask(method)
			want := slices.Contains(allowed, name)
			switch got := admitted(err); {
			case got != want:
				t.Errorf("%s as %s: %v, want admitted = %t", method, name, err, want)
			case !want:
				refused(t, err, denial(name), denialReason(name, rows[method]))
			}
		}
	}
}

// ask sends an empty request, and reads the first answer.
func (c *caller) ask(method string) error {
	if method != operatorv1.BackupService_BackUp_FullMethodName {
		return c.conn.Invoke(c.w.Context(), method, &emptypb.Empty{}, &emptypb.Empty{})
	}
	ctx, cancel := context.WithCancel(c.w.Context())
	defer cancel()
	stream, err := operatorv1.NewBackupServiceClient(c.conn).BackUp(ctx, &operatorv1.BackUpRequest{})
	if err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

// admitted says whether a call got past the access table.
func admitted(err error) bool {
	switch fault.KindOf(err) {
	case fault.Unauthenticated, fault.Denied:
		return false
	default:
		return err == nil || fault.ReasonOf(err) == typev1.Reason_REASON_INVALID_FIELD
	}
}

func denial(name string) fault.Kind {
	if name == "nobody" {
		return fault.Unauthenticated
	}
	return fault.Denied
}

// denialReason is what a caller is told: to come with credentials, with another scope, or not at all.
func denialReason(name string, allowed []string) typev1.Reason {
	switch {
	case name == "nobody" && slices.Equal(allowed, []string{"notify"}):
		return typev1.Reason_REASON_CERTIFICATE_MISSING
	case name == "nobody":
		return typev1.Reason_REASON_API_KEY_MISSING
	case name == "verifier" && slices.Equal(allowed, []string{"application"}):
		return typev1.Reason_REASON_SCOPE_MISSING
	}
	return typev1.Reason_REASON_CALLER_NOT_ALLOWED
}

// newKey makes one more key of the first application.
func (w *world) newKey(scopes ...authnv1.Scope) string {
	w.Helper()
	made, err := w.operator().applications.CreateApiKey(w.Context(), &authnv1.CreateApiKeyRequest{ApplicationId: w.first.ApplicationID, Scopes: scopes})
	w.must(err)
	return made.GetApiKey()
}

func TestCredentialsThatArentGoodAreRefused(t *testing.T) {
	w := newWorld(t)
	good := "Bearer " + w.first.ApplicationKey.Reveal()
	tests := map[string][]string{
		"a key that never was": {"Bearer dwk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
		"a key and a letter":   {good + "A"},
		"another scheme":       {"Basic " + w.first.ApplicationKey.Reveal()},
		"no scheme":            {w.first.ApplicationKey.Reveal()},
		"no key":               {"Bearer "},
		"nothing":              {""},
		"two keys":             {good, good},
		"a session token":      {"Bearer eyJhbGciOiJFZERTQSJ9.e30.AA"},
	}
	c := w.withKey("")
	for name, values := range tests {
		t.Run(name, func(t *testing.T) {
			ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": values})
			_, err := c.sessions.VerifySession(ctx, &authnv1.VerifySessionRequest{SessionToken: "x"})
			refused(t, err, fault.Unauthenticated, typev1.Reason_REASON_API_KEY_INVALID)
			if _, err := c.keys.GetKeySet(ctx, &authnv1.GetKeySetRequest{}); err != nil {
				t.Errorf("what is public isn't: %v", err)
			}
		})
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "bearer "+w.first.ApplicationKey.Reveal())
	if _, err := c.sessions.VerifySession(ctx, &authnv1.VerifySessionRequest{SessionToken: "x"}); fault.ReasonOf(err) != typev1.Reason_REASON_SESSION_TOKEN_INVALID {
		t.Errorf("a scheme in small letters: %v", err)
	}
}

// TestACertificateOfAnotherCAIsNoIdentity: the handshake fails, rather than going on without a name.
func TestACertificateOfAnotherCAIsNoIdentity(t *testing.T) {
	w := newWorld(t)
	elsewhere := t.TempDir()
	_, err := certs.Create(elsewhere, []string{"operator"}, certs.Options{Now: time.Now()})
	w.must(err)
	forged, err := certs.Load(elsewhere, "operator", w.logger)
	w.must(err)
	ours, err := certs.Load(w.cfg.Certs, "authn", w.logger)
	w.must(err)
	config := certs.ClientTLS(forged, "authn")
	config.RootCAs = ours.Roots()
	if _, err := w.dial(config, "").keys.GetKeySet(t.Context(), &authnv1.GetKeySetRequest{}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("err = %v, want no connection", err)
	}
	config = &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: ours.Roots(), ServerName: "risk"}
	if _, err := w.dial(config, "").keys.GetKeySet(t.Context(), &authnv1.GetKeySetRequest{}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("authn passes for risk: %v", err)
	}
}

func TestARevokedKeyIsUselessWithinASecond(t *testing.T) {
	w := newWorld(t)
	made, err := w.operator().applications.CreateApiKey(t.Context(), &authnv1.CreateApiKeyRequest{ApplicationId: w.first.ApplicationID})
	w.must(err)
	c := w.withKey(made.GetApiKey())
	refused(t, c.verify("x"), fault.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_INVALID)
	var at []time.Time
	for range 2 {
		revoked, err := w.operator().applications.RevokeApiKey(t.Context(), &authnv1.RevokeApiKeyRequest{ApiKeyId: made.GetApiKeyId()})
		w.must(err)
		at = append(at, revoked.GetRevokedAt().AsTime())
	}
	if !at[0].Equal(at[1]) {
		t.Errorf("revoked at %v, and again at %v", at[0], at[1])
	}
	w.clock.forward(time.Second)
	refused(t, c.verify("x"), fault.Unauthenticated, typev1.Reason_REASON_API_KEY_INVALID)
}

// TestAMethodWithoutARowIsRefused, to the caller who may do everything else.
func TestAMethodWithoutARowIsRefused(t *testing.T) {
	w := newWorld(t)
	table := authn.Table()
	delete(table, authnv1.SessionService_RevokeSession_FullMethodName)
	material, err := certs.Load(w.cfg.Certs, "authn", w.logger)
	w.must(err)
	server, err := rpc.NewServer(t.Context(), rpc.ServerConfig{
		Name: "authn", Address: "127.0.0.1:0", TLS: certs.ServerTLS(material, certs.Anyone), Table: table,
		Authenticate: rpc.MTLSOnly, Logger: w.logger, Registerer: prometheus.NewRegistry(), Now: time.Now,
	})
	w.must(err)
	api.Register(server, api.Flows{}) // no handler is reached
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	defer func() {
		cancel()
		w.must(<-ended)
	}()
	operator, err := certs.Load(w.cfg.Certs, "operator", w.logger)
	w.must(err)
	conn, err := rpc.Dial(server.Addr().String(), rpc.ClientConfig{TLS: certs.ClientTLS(operator, "authn")})
	w.must(err)
	defer conn.Close()
	_, err = authnv1.NewSessionServiceClient(conn).RevokeSession(ctx, &authnv1.RevokeSessionRequest{SessionId: "ses_1"})
	refused(t, err, fault.Denied, typev1.Reason_REASON_ACCESS_ROW_MISSING)
}

// TestAuditedMethodsLeaveARecord holds the flows to the rows that say so: it makes each change that is audited.
func TestAuditedMethodsLeaveARecord(t *testing.T) {
	w := newWorld(t)
	app, operator := w.application(), w.withCertificate("operator")
	grant := app.signUp(w.mailbox(), laptop(), "ada@example.org")
	deviceID := w.sessionsOf(grant.GetUserId())[0].GetDevice().GetId()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-request-id", "req-of-the-test")
	made, err := operator.applications.CreateApplication(ctx, &authnv1.CreateApplicationRequest{Name: "another", Audience: "another"})
	w.must(err)
	key, err := operator.applications.CreateApiKey(ctx, &authnv1.CreateApiKeyRequest{ApplicationId: made.GetApplication().GetId()})
	w.must(err)
	_, err = operator.applications.RotateApiKey(ctx, &authnv1.RotateApiKeyRequest{ApiKeyId: key.GetApiKeyId()})
	w.must(err)
	_, err = w.operator().applications.RevokeApiKey(ctx, &authnv1.RevokeApiKeyRequest{ApiKeyId: key.GetApiKeyId()})
	w.must(err)
	_, err = operator.devices.UntrustDevice(ctx, &authnv1.UntrustDeviceRequest{DeviceId: deviceID, Note: "lost laptop"})
	w.must(err)
	_, err = operator.sessions.RevokeSession(ctx, &authnv1.RevokeSessionRequest{SessionId: grant.GetSessionId(), Note: "lost phone"})
	w.must(err)
	_, err = operator.sessions.RevokeUserSessions(ctx, &authnv1.RevokeUserSessionsRequest{
		User: &authnv1.RevokeUserSessionsRequest_UserId{UserId: grant.GetUserId()}, Note: "lost everything",
	})
	w.must(err)
	users, ada := authnv1.NewUserServiceClient(operator.conn), grant.GetUserId()
	_, err = users.LockUser(ctx, &authnv1.LockUserRequest{User: &authnv1.LockUserRequest_UserId{UserId: ada}})
	w.must(err)
	_, err = users.UnlockUser(ctx, &authnv1.UnlockUserRequest{User: &authnv1.UnlockUserRequest_UserId{UserId: ada}})
	w.must(err)
	_, err = users.BanUser(ctx, &authnv1.BanUserRequest{User: &authnv1.BanUserRequest_UserId{UserId: ada}})
	w.must(err)
	_, err = users.UnbanUser(ctx, &authnv1.UnbanUserRequest{User: &authnv1.UnbanUserRequest_UserId{UserId: ada}})
	w.must(err)
	_, err = users.MarkCompromised(ctx, &authnv1.MarkCompromisedRequest{UserIds: []string{ada}})
	w.must(err)
	_, err = users.ImportUsers(ctx, &authnv1.ImportUsersRequest{Users: []*authnv1.ImportedUser{{Email: "grace@example.org"}}})
	w.must(err)
	policies := authnv1.NewPolicyServiceClient(operator.conn)
	current, err := policies.GetPolicy(ctx, &authnv1.GetPolicyRequest{})
	w.must(err)
	_, err = policies.UpdatePolicy(ctx, &authnv1.UpdatePolicyRequest{Policy: current.GetPolicy()})
	w.must(err)
	_, err = operator.keys.RotateSigningKey(ctx, &authnv1.RotateSigningKeyRequest{Note: "drill"})
	w.must(err)
	_, err = operator.keys.ReplaceSigningKeys(ctx, &authnv1.ReplaceSigningKeysRequest{Note: "lost the backup"})
	w.must(err)
	w.must(restrict(ctx, authnv1.NewRestrictionServiceClient(operator.conn)))
	invitations := authnv1.NewInvitationServiceClient(operator.conn)
	_, err = invitations.CreateInvitations(ctx, &authnv1.CreateInvitationsRequest{Emails: []string{"bob@example.org"}})
	w.must(err)
	_, err = invitations.RevokeInvitation(ctx, &authnv1.RevokeInvitationRequest{Invitation: &authnv1.RevokeInvitationRequest_Email{Email: "bob@example.org"}})
	w.must(err)
	w.must(readBackup(operatorv1.NewBackupServiceClient(operator.conn).BackUp(ctx, &operatorv1.BackUpRequest{})))
	// There is no dead letter; that it was asked for is recorded all the same.
	letters := operatorv1.NewDeadLetterServiceClient(operator.conn)
	_, err = letters.ReplayDeadLetter(ctx, &operatorv1.ReplayDeadLetterRequest{Sequence: 1})
	refused(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
	_, err = letters.DropDeadLetter(ctx, &operatorv1.DropDeadLetterRequest{Sequence: 1, Note: "a test"})
	refused(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)

	found := map[string]audit.Record{}
	for _, r := range w.auditLog() {
		if r.RequestID == "req-of-the-test" {
			found[r.Action] = r
		}
	}
	for method, rule := range authn.Table() {
		action := map[string]string{
			authnv1.SessionService_RevokeSession_FullMethodName:         "session.revoke",
			authnv1.SessionService_RevokeUserSessions_FullMethodName:    "session.revoke_all",
			authnv1.UserService_LockUser_FullMethodName:                 "user.lock",
			authnv1.UserService_UnlockUser_FullMethodName:               "user.unlock",
			authnv1.UserService_BanUser_FullMethodName:                  "user.ban",
			authnv1.UserService_UnbanUser_FullMethodName:                "user.unban",
			authnv1.UserService_MarkCompromised_FullMethodName:          "password.mark_compromised",
			authnv1.UserService_ImportUsers_FullMethodName:              "user.import",
			authnv1.PolicyService_UpdatePolicy_FullMethodName:           "policy.change",
			authnv1.RestrictionService_AddEntries_FullMethodName:        "restriction.add",
			authnv1.RestrictionService_RemoveEntries_FullMethodName:     "restriction.remove",
			authnv1.RestrictionService_ImportEntries_FullMethodName:     "restriction.import",
			authnv1.RestrictionService_SweepUsers_FullMethodName:        "user.ban",
			authnv1.InvitationService_CreateInvitations_FullMethodName:  "invitation.create",
			authnv1.InvitationService_RevokeInvitation_FullMethodName:   "invitation.revoke",
			authnv1.DeviceService_UntrustDevice_FullMethodName:          "device.untrust",
			authnv1.KeyService_RotateSigningKey_FullMethodName:          "signing_key.rotate",
			authnv1.KeyService_ReplaceSigningKeys_FullMethodName:        "signing_key.replace",
			authnv1.ApplicationService_CreateApplication_FullMethodName: "application.create",
			authnv1.ApplicationService_CreateApiKey_FullMethodName:      "api_key.create",
			authnv1.ApplicationService_RotateApiKey_FullMethodName:      "api_key.rotate",
			authnv1.ApplicationService_RevokeApiKey_FullMethodName:      "api_key.revoke",

			operatorv1.BackupService_BackUp_FullMethodName:               "store.backup",
			operatorv1.DeadLetterService_ReplayDeadLetter_FullMethodName: "dead_letter.replay",
			operatorv1.DeadLetterService_DropDeadLetter_FullMethodName:   "dead_letter.drop",
		}[method]
		record, kept := found[action]
		if rule.Audit != kept {
			t.Errorf("%s: the row says audited = %t, a record is kept = %t", method, rule.Audit, kept)
		}
		outcome := audit.Done
		if strings.HasPrefix(action, "dead_letter.") {
			outcome = audit.Failed
		}
		if kept && (record.Actor.Kind != audit.Operator || record.Authority == "" || !record.Network.IsLoopback() || record.Outcome != outcome) {
			t.Errorf("%s: record %+v", method, record)
		}
	}
	for action, want := range map[string]struct{ target, reason string }{
		"session.revoke":      {grant.GetSessionId(), "lost phone"},
		"session.revoke_all":  {grant.GetUserId(), "lost everything"},
		"device.untrust":      {deviceID, "lost laptop"},
		"api_key.rotate":      {key.GetApiKeyId(), ""},
		"signing_key.rotate":  {found["signing_key.rotate"].Target.ID, "drill"},
		"signing_key.replace": {found["signing_key.replace"].Target.ID, "lost the backup"},
	} {
		r := found[action]
		if r.Reason != want.reason || r.Target.ID != want.target || r.Target.ID == "" {
			t.Errorf("%s is recorded of %q because of %q", action, r.Target.ID, r.Reason)
		}
	}
	if r := found["session.revoke"]; r.Authority != "certificate of operator" {
		t.Errorf("authority %q", r.Authority)
	}
}

// restrict adds an entry, takes it out, and imports it.
func restrict(ctx context.Context, lists authnv1.RestrictionServiceClient) error {
	const list, entry = authnv1.RestrictionList_RESTRICTION_LIST_BLOCK, "blocked.example"
	if _, err := lists.AddEntries(ctx, &authnv1.AddEntriesRequest{List: list, Entries: []string{entry}}); err != nil {
		return err
	}
	if _, err := lists.RemoveEntries(ctx, &authnv1.RemoveEntriesRequest{List: list, Entries: []string{entry}}); err != nil {
		return err
	}
	stream, err := lists.ImportEntries(ctx)
	if err != nil {
		return err
	}
	header := &authnv1.ImportEntriesRequest_Header{Header: &authnv1.ImportEntriesHeader{List: list}}
	chunk := &authnv1.ImportEntriesRequest_Chunk{Chunk: []byte(entry + "\n")}
	err = errors.Join(stream.Send(&authnv1.ImportEntriesRequest{Piece: header}), stream.Send(&authnv1.ImportEntriesRequest{Piece: chunk}), stream.CloseSend())
	for err == nil {
		_, err = stream.Recv()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// readBackup reads a copy to its end.
func readBackup(stream grpc.ServerStreamingClient[operatorv1.BackUpResponse], err error) error {
	for err == nil {
		_, err = stream.Recv()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// auditLog stops authn and reads its audit log.
func (w *world) auditLog() []audit.Record {
	w.Helper()
	w.stop()
	s, err := boltstore.Open(w.cfg.DataDir+"/authn.db", boltstore.Options{})
	w.must(err)
	records, err := s.Audit(w.Context(), audit.Page{Limit: 100})
	w.must(errors.Join(err, s.Close()))
	return records
}
