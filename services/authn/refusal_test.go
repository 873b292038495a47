package authn_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// sessionsOf are a user's sessions as operators see them: what a refused call must not change.
func (w *world) sessionsOf(userID string) []*authnv1.Session {
	w.Helper()
	r, err := w.operator().sessions.ListSessions(w.Context(), &authnv1.ListSessionsRequest{User: &authnv1.ListSessionsRequest_UserId{UserId: userID}})
	w.must(err)
	return r.GetSessions()
}

func TestBadInputIsRefusedAndChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.unpaced()
	mails, app := w.mailbox(), w.application()
	const email = "ada@example.org"
	home := laptop()
	grant := app.signUp(mails, home, email)
	before := w.sessionsOf(grant.GetUserId())
	invalid := []any{fault.Invalid, typev1.Reason_REASON_INVALID_FIELD}

	start := func(c *typev1.ClientContext, address string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, inErr := app.attempts.StartSignIn(ctx, &authnv1.StartSignInRequest{Client: c, Email: address})
			_, upErr := solved(ctx, app.attempts.StartSignUp, &authnv1.StartSignUpRequest{Client: c, Email: address})
			if fault.ReasonOf(inErr) != fault.ReasonOf(upErr) {
				t.Errorf("sign-in says %v, sign-up %v", inErr, upErr)
			}
			return inErr
		}
	}
	answer := func(change func(*authnv1.ContinueRequest)) func(context.Context) error {
		return func(ctx context.Context) error {
			req := app.startSignIn(home, email).request()
			change(req)
			_, err := app.attempts.Continue(ctx, req)
			return err
		}
	}
	password := func(p string) func(context.Context) error {
		return answer(func(req *authnv1.ContinueRequest) { req.Answer = &authnv1.ContinueRequest_Password{Password: p} })
	}
	tests := map[string]struct {
		call func(context.Context) error
		want []any
	}{
		"an address without a domain":    {start(home, "ada@"), invalid},
		"an address without an at":       {start(home, "ada"), invalid},
		"an address with a control":      {start(home, "ada\r\nBcc: eve@example.org"), invalid},
		"no address":                     {start(home, ""), invalid},
		"an address of 10 KB":            {start(home, strings.Repeat("a", 10<<10)+"@example.org"), invalid},
		"an address of 255 bytes":        {start(home, strings.Repeat("a", 51)+"@"+strings.Repeat("b.", 96)+"example.org"), invalid},
		"no client context":              {start(nil, email), []any{fault.Invalid, typev1.Reason_REASON_CLIENT_CONTEXT_MISSING}},
		"a client context without an ip": {start(&typev1.ClientContext{UserAgent: "x"}, email), invalid},
		"an ip that is none":             {start(&typev1.ClientContext{Ip: "192.0.2.256"}, email), invalid},
		"a user agent of 2 KB":           {start(&typev1.ClientContext{Ip: "192.0.2.1", UserAgent: strings.Repeat("x", 2<<10)}, email), invalid},
		"a password of 0 bytes":          {password(""), invalid},
		"a password of 1025 bytes":       {password(strings.Repeat("x", 1025)), invalid},
		"a password of 60 KB":            {password(strings.Repeat("x", 60<<10)), invalid},
		"no answer":                      {answer(func(*authnv1.ContinueRequest) {}), invalid},
		"a code of letters":              {answer(func(r *authnv1.ContinueRequest) { r.Answer = &authnv1.ContinueRequest_Code{Code: "abcdef"} }), invalid},
		"a code of seven digits":         {answer(func(r *authnv1.ContinueRequest) { r.Answer = &authnv1.ContinueRequest_Code{Code: "1234567"} }), invalid},
		"a code where a password is due": {answer(func(r *authnv1.ContinueRequest) { r.Answer = &authnv1.ContinueRequest_Code{Code: "123456"} }), []any{fault.Precondition, typev1.Reason_REASON_STEP_MISMATCH}},
		"a new password before the right": {answer(func(r *authnv1.ContinueRequest) {
			r.Answer = &authnv1.ContinueRequest_NewPassword{NewPassword: nextPassword}
		}), []any{fault.Precondition, typev1.Reason_REASON_STEP_MISMATCH}},
		"a mail before the password": {func(context.Context) error { return app.startSignIn(home, email).prepare() }, []any{fault.Precondition, typev1.Reason_REASON_STEP_MISMATCH}},
		"a page token of one's own making": {func(ctx context.Context) error {
			_, err := w.operator().sessions.ListSessions(ctx, &authnv1.ListSessionsRequest{
				User: &authnv1.ListSessionsRequest_UserId{UserId: grant.GetUserId()}, PageToken: "\x00\xff",
			})
			return err
		}, []any{fault.Internal, typev1.Reason_REASON_UNSPECIFIED}}, // gRPC's own: a string that isn't UTF-8
		"a page token of another thing": {func(ctx context.Context) error {
			_, err := w.operator().sessions.ListSessions(ctx, &authnv1.ListSessionsRequest{
				User: &authnv1.ListSessionsRequest_UserId{UserId: grant.GetUserId()}, PageToken: "usr_1",
			})
			return err
		}, invalid},
		"an unknown scope": {func(ctx context.Context) error {
			_, err := w.operator().applications.CreateApiKey(ctx, &authnv1.CreateApiKeyRequest{ApplicationId: w.first.ApplicationID, Scopes: []authnv1.Scope{77}})
			return err
		}, invalid},
		"a taken name": {func(ctx context.Context) error {
			_, err := w.operator().applications.CreateApplication(ctx, &authnv1.CreateApplicationRequest{Name: "application", Audience: "x"})
			return err
		}, []any{fault.AlreadyExists, typev1.Reason_REASON_ALREADY_EXISTS}},
		"an event that nobody alerts of": {func(ctx context.Context) error {
			_, err := w.withCertificate("notify").alerts.PrepareAlert(ctx, &authnv1.PrepareAlertRequest{EventId: "evt_1"})
			return err
		}, []any{fault.NotFound, typev1.Reason_REASON_NOT_FOUND}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			refused(t, c.call(t.Context()), c.want[0].(fault.Kind), c.want[1].(typev1.Reason))
		})
	}
	t.Run("a password of 1 MiB", func(t *testing.T) {
		// gRPC refuses it before any interceptor.
		if err := password(strings.Repeat("x", 1<<20))(t.Context()); fault.KindOf(err) != fault.Exhausted {
			t.Errorf("err = %v, want RESOURCE_EXHAUSTED", err)
		}
	})
	if diff := cmp.Diff(before, w.sessionsOf(grant.GetUserId()), protocmp.Transform()); diff != "" {
		t.Errorf("something changed (-before +after):\n%s", diff)
	}
	x := app.startSignIn(home, email)
	x.done(x.password(ownersPassword))
}

func TestPasswordRulesAreNamed(t *testing.T) {
	w := newWorld(t)
	app := w.application()
	x := app.startSignUp(laptop(), "ada@example.org")
	for _, p := range []string{"short", strings.Repeat("x", 257)} {
		err := x.newPassword(p)
		refused(t, err, fault.Invalid, typev1.Reason_REASON_PASSWORD_UNACCEPTABLE)
		if f, ok := fault.As(err); !ok || len(f.Fields) != 1 || f.Fields[0].Name != "new_password" {
			t.Errorf("the fields are %v", err)
		}
	}
	x.at(authnv1.Step_STEP_EMAIL_VERIFICATION, x.newPassword(ownersPassword))
}

// TestCodesAreGoodOnceAndHere: a code counts for the attempt that it was mailed for, within its time, and once.
func TestCodesAreGoodOnceAndHere(t *testing.T) {
	w := newWorld(t)
	w.unpaced()
	mails, app := w.mailbox(), w.application()
	const email = "ada@example.org"
	app.signUp(mails, laptop(), email)

	begin := func() *try {
		x := app.startSignIn(stranger(), email)
		return x.at(authnv1.Step_STEP_DEVICE_VERIFICATION, x.password(ownersPassword))
	}
	expect := func(x *try, code string, want authnv1.Outcome) {
		t.Helper()
		x.at(authnv1.Step_STEP_DEVICE_VERIFICATION, x.code(code))
		if got := x.attempt.GetLastAnswer().GetOutcome(); got != want {
			t.Errorf("the code is %v, want %v", got, want)
		}
	}
	first, second := begin(), begin()
	w.must(first.prepare())
	code := mails.code(email, eventv1.MailPurpose_MAIL_PURPOSE_DEVICE_CODE)
	refused(t, first.prepare(), fault.Exhausted, typev1.Reason_REASON_CODE_TOO_SOON)

	expect(second, code, authnv1.Outcome_OUTCOME_WRONG)       // of another attempt
	expect(first, other(code), authnv1.Outcome_OUTCOME_WRONG) // a guess
	first.done(first.code(code))                              // the one it was for
	refused(t, first.code(code), fault.NotFound, typev1.Reason_REASON_ATTEMPT_NOT_FOUND)
	expect(second, code, authnv1.Outcome_OUTCOME_WRONG) // used

	refused(t, second.prepare(), fault.Exhausted, typev1.Reason_REASON_CODE_TOO_SOON)
	w.clock.forward(time.Minute)
	w.must(second.prepare())
	late := mails.code(email, eventv1.MailPurpose_MAIL_PURPOSE_DEVICE_CODE)
	w.clock.forward(10*time.Minute + time.Second)
	expect(second, late, authnv1.Outcome_OUTCOME_EXPIRED)
	w.clock.forward(5 * time.Minute)
	refused(t, second.code(late), fault.NotFound, typev1.Reason_REASON_ATTEMPT_NOT_FOUND)
}

// other is another code of six digits.
func other(code string) string {
	if code[0] == '9' {
		return "0" + code[1:]
	}
	return "9" + code[1:]
}

// TestAttemptsStayWhereTheyBegan: on the device, in the browser and with the application that began them, in the hands of who holds the secret.
func TestAttemptsStayWhereTheyBegan(t *testing.T) {
	w := newWorld(t)
	mails, app := w.mailbox(), w.application()
	const email = "ada@example.org"
	home := laptop()
	app.signUp(mails, home, email)
	made, err := w.operator().applications.CreateApplication(t.Context(), &authnv1.CreateApplicationRequest{Name: "another", Audience: "another"})
	w.must(err)
	key, err := w.operator().applications.CreateApiKey(t.Context(), &authnv1.CreateApiKeyRequest{
		ApplicationId: made.GetApplication().GetId(), Scopes: []authnv1.Scope{authnv1.Scope_SCOPE_SPEAK_FOR_USERS},
	})
	w.must(err)
	another := w.withKey(key.GetApiKey())

	elsewhere := typev1.Reason_REASON_ATTEMPT_ELSEWHERE
	unknown := typev1.Reason_REASON_ATTEMPT_NOT_FOUND
	tests := map[string]struct {
		move   func(*try)
		kind   fault.Kind
		reason typev1.Reason
	}{
		"another application": {func(x *try) { x.c = another }, fault.Denied, elsewhere},
		"another browser":     {func(x *try) { x.on = stranger(); x.on.DeviceSecret = home.GetDeviceSecret() }, fault.Denied, elsewhere},
		"no device":           {func(x *try) { x.on = laptop() }, fault.Denied, elsewhere},
		"another device":      {func(x *try) { x.on = laptop(); x.on.DeviceSecret = "dvs_other" }, fault.Denied, elsewhere},
		"another secret":      {func(x *try) { x.secret = app.startSignIn(home, email).secret }, fault.NotFound, unknown},
		"another attempt":     {func(x *try) { x.attempt = app.startSignIn(home, email).attempt }, fault.NotFound, unknown},
		"an attempt that never was": {func(x *try) {
			x.attempt = &authnv1.Attempt{Id: "att_00000000000000000000000000"}
		}, fault.NotFound, unknown},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			x := app.startSignIn(home, email)
			moved := *x
			c.move(&moved)
			refused(t, moved.password(ownersPassword), c.kind, c.reason)
			refused(t, moved.prepare(), c.kind, c.reason)
			x.done(x.password(ownersPassword)) // where it began, it goes on as if nothing had been
		})
	}
}

func TestGateComesBeforeTheHash(t *testing.T) {
	w := newWorld(t)
	mails, app := w.mailbox(), w.application()
	const email = "ada@example.org"
	home := laptop()
	app.signUp(mails, home, email)
	hashes := w.metric("doorward_authn_password_hashes_total")
	for gate, want := range map[riskv1.Gate]struct {
		kind   fault.Kind
		reason typev1.Reason
	}{
		riskv1.Gate_GATE_BLOCK:       {fault.Denied, typev1.Reason_REASON_BLOCKED},
		riskv1.Gate_GATE_UNSPECIFIED: {fault.Denied, typev1.Reason_REASON_BLOCKED},
		riskv1.Gate_GATE_CHALLENGE:   {fault.Exhausted, typev1.Reason_REASON_CHALLENGE_REQUIRED},
	} {
		w.risk.judge(gate, riskv1.Verdict_VERDICT_ALLOW)
		refused(t, app.startSignIn(home, email).password(ownersPassword), want.kind, want.reason)
		refused(t, app.startSignIn(stranger(), "nobody@example.org").password(ownersPassword), want.kind, want.reason)
		if gate != riskv1.Gate_GATE_CHALLENGE { // which a solved one opens
			_, err := solved(t.Context(), app.attempts.StartSignUp, &authnv1.StartSignUpRequest{Client: stranger(), Email: "eve@example.org"})
			refused(t, err, want.kind, want.reason)
		}
	}
	if got := w.metric("doorward_authn_password_hashes_total"); got != hashes {
		t.Errorf("%v hashes were computed behind a shut gate", got-hashes)
	}
	w.risk.judge(riskv1.Gate_GATE_OPEN, riskv1.Verdict_VERDICT_VERIFY_DEVICE)
	x := app.startSignIn(home, email)
	x.at(authnv1.Step_STEP_DEVICE_VERIFICATION, x.password(ownersPassword))
	w.risk.judge(riskv1.Gate_GATE_OPEN, riskv1.Verdict_VERDICT_REFUSE)
	x = app.startSignIn(home, email)
	x.at(authnv1.Step_STEP_FIRST_FACTOR, x.password(wrongPassword)) // the verdict is told to nobody but who has the password
	x.at(authnv1.Step_STEP_REFUSED, x.password(ownersPassword))
	if x.attempt.GetRefusal() != typev1.Reason_REASON_RISK_REFUSED {
		t.Errorf("refused with %v", x.attempt.GetRefusal())
	}
}

// TestSignInGoesOnWithoutRisk: known devices sign in, others are verified, and nobody signs up.
func TestSignInGoesOnWithoutRisk(t *testing.T) {
	w := newWorld(t)
	mails, app := w.mailbox(), w.application()
	const email = "ada@example.org"
	home := laptop()
	app.signUp(mails, home, email)
	w.risk.stop()
	x := app.startSignIn(home, email)
	x.done(x.password(ownersPassword))
	app.signInWithCode(mails, stranger(), email)
	_, err := app.attempts.StartSignUp(t.Context(), &authnv1.StartSignUpRequest{Client: stranger(), Email: "eve@example.org"})
	refused(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
}
