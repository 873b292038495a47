package doorward_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/internal/authntest"
)

const (
	email    = "ada@example.com"
	password = "correct horse battery staple"
	code     = "123456"
)

var from = doorward.From{IP: netip.MustParseAddr("192.0.2.1"), UserAgent: "test", Language: "de"}

// authn plays one account's sign-in from an unknown device, and remembers what it was sent.
type authn struct {
	authnv1.UnimplementedAttemptServiceServer
	authnv1.UnimplementedSessionServiceServer

	mu      sync.Mutex
	headers metadata.MD
	client  *typev1.ClientContext
	hang    chan struct{} // RefreshSession waits for it
	fail    error
	asks    *typev1.Challenge // of each call, until it is solved
	calls   int

	invitation string
}

func (a *authn) note(ctx context.Context, client *typev1.ClientContext) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.headers, _ = metadata.FromIncomingContext(ctx)
	a.client = client
	a.calls++
	if a.asks != nil && !solves(client.GetChallengeSolution(), a.asks) {
		return challengeRequired(a.asks)
	}
	return a.fail
}

func (a *authn) StartSignIn(ctx context.Context, r *authnv1.StartSignInRequest) (*authnv1.StartSignInResponse, error) {
	return &authnv1.StartSignInResponse{
		Attempt:       &authnv1.Attempt{Id: "att_1", Step: doorward.FirstFactor},
		AttemptSecret: "secret.with.dots",
	}, a.note(ctx, r.GetClient())
}

func (a *authn) StartSignUp(ctx context.Context, r *authnv1.StartSignUpRequest) (*authnv1.StartSignUpResponse, error) {
	a.mu.Lock()
	a.invitation = r.GetInvitation()
	a.mu.Unlock()
	return &authnv1.StartSignUpResponse{
		Attempt:       &authnv1.Attempt{Id: "att_1", Step: doorward.NewPassword},
		AttemptSecret: "secret.with.dots",
	}, a.note(ctx, r.GetClient())
}

func (a *authn) Prepare(ctx context.Context, r *authnv1.PrepareRequest) (*authnv1.PrepareResponse, error) {
	if r.GetFactor() != authnv1.Factor_FACTOR_EMAIL_CODE || r.GetAttemptSecret() != "secret.with.dots" {
		return nil, status.Error(codes.NotFound, "no such attempt")
	}
	return &authnv1.PrepareResponse{
		Attempt: &authnv1.Attempt{Id: "att_1", Step: doorward.DeviceVerification},
		Prompt:  &authnv1.Prompt{Destination: "a•••@example.com", ValidFor: durationpb.New(10 * time.Minute), ResendAfter: durationpb.New(time.Minute)},
	}, a.note(ctx, r.GetClient())
}

func (a *authn) Continue(ctx context.Context, r *authnv1.ContinueRequest) (*authnv1.ContinueResponse, error) {
	if r.GetAttemptId() != "att_1" || r.GetAttemptSecret() != "secret.with.dots" {
		return nil, status.Error(codes.NotFound, "no such attempt")
	}
	return &authnv1.ContinueResponse{Attempt: after(r)}, a.note(ctx, r.GetClient())
}

func after(r *authnv1.ContinueRequest) *authnv1.Attempt {
	attempt := &authnv1.Attempt{Id: "att_1", LastAnswer: &authnv1.LastAnswer{Outcome: doorward.Accepted}}
	switch {
	case r.GetPassword() == password:
		attempt.Step = doorward.DeviceVerification
	case r.GetPassword() == "contained":
		attempt.Step, attempt.Refusal = doorward.Refused, typev1.Reason_REASON_PASSWORD_CONTAINED
	case r.GetNewPassword() != "":
		attempt.Step = doorward.EmailVerification
	case r.GetCode() == code:
		attempt.Step = doorward.Done
		attempt.Grant = &authnv1.Grant{UserId: "usr_1", SessionId: "ses_1", SessionToken: "jwt", RefreshToken: "srt_1",
			DeviceId: "dev_1", DeviceSecret: "dvs_1", SessionExpiresAt: timestamppb.Now()}
	default:
		attempt.Step = doorward.FirstFactor
		attempt.LastAnswer = &authnv1.LastAnswer{Outcome: doorward.Wrong, AnswersLeft: 4}
	}
	return attempt
}

func (a *authn) RefreshSession(ctx context.Context, r *authnv1.RefreshSessionRequest) (*authnv1.RefreshSessionResponse, error) {
	if a.hang != nil {
		select {
		case <-a.hang:
		case <-ctx.Done():
		}
	}
	return &authnv1.RefreshSessionResponse{SessionToken: "jwt_2", RefreshToken: r.GetRefreshToken() + "_next"}, a.note(ctx, r.GetClient())
}

// newClient connects a client to an authn of the test's, over TLS as in earnest.
func newClient(t *testing.T, a *authn, change func(*doorward.Config)) *doorward.Client {
	t.Helper()
	certificate, caFile := authntest.Certificate(t, "authn")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))
	authnv1.RegisterAttemptServiceServer(server, a)
	authnv1.RegisterSessionServiceServer(server, a)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() { server.Stop(); <-served })

	config := doorward.Config{Address: listener.Addr().String(), APIKey: doorward.SecretOf("dwk_1"), CAFile: caFile, ServerName: "authn"}
	if change != nil {
		change(&config)
	}
	client, err := doorward.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestSignInWithDeviceVerification(t *testing.T) {
	server := &authn{}
	dw, ctx := newClient(t, server, nil), t.Context()

	a, err := dw.SignIn(ctx, email, from.WithDevice(doorward.SecretOf("dvs_0")))
	if err != nil || a.Next() != doorward.FirstFactor || a.LastAnswer().Outcome != doorward.NoAnswer {
		t.Fatalf("%v, %v", a.Next(), err)
	}
	if err := a.Password(ctx, "wrong"); err != nil {
		t.Fatalf("a wrong password is no error: %v", err)
	}
	if a.LastAnswer() != (doorward.LastAnswer{Outcome: doorward.Wrong, AnswersLeft: 4}) || a.Next() != doorward.FirstFactor {
		t.Fatalf("%+v", a.LastAnswer())
	}
	if err := a.Password(ctx, password); err != nil || a.Next() != doorward.DeviceVerification {
		t.Fatalf("%v, %v", a.Next(), err)
	}
	if _, ok := a.Grant(); ok {
		t.Fatal("a grant before the attempt is done")
	}
	if err := a.SendCode(ctx); err != nil || a.Prompt().Destination != "a•••@example.com" {
		t.Fatalf("%+v, %v", a.Prompt(), err)
	}

	later, err := dw.Resume(a.Ticket(), from)
	if err != nil || later.Next() != doorward.UnknownStep {
		t.Fatalf("%v", err)
	}
	if err := later.Code(ctx, code); err != nil {
		t.Fatal(err)
	}
	grant, ok := later.Grant()
	if !ok || grant.UserID != "usr_1" || grant.SessionToken.Reveal() != "jwt" || grant.DeviceSecret.Reveal() != "dvs_1" {
		t.Fatalf("%+v, %v", grant, ok)
	}
	tokens, err := dw.Refresh(ctx, grant.RefreshToken, from.WithDevice(grant.DeviceSecret))
	if err != nil || tokens.RefreshToken.Reveal() != "srt_1_next" {
		t.Fatalf("%+v, %v", tokens, err)
	}
	if got := server.headers.Get("authorization"); len(got) != 1 || got[0] != "Bearer dwk_1" {
		t.Errorf("authorization: %d values", len(got))
	}
	if c := server.client; c.GetIp() != "192.0.2.1" || c.GetUserAgent() != "test" || c.GetAcceptLanguage() != "de" || c.GetDeviceSecret() != "dvs_1" {
		t.Error("the client context isn't the one that was given")
	}
}

func TestSignUpAndRefusal(t *testing.T) {
	dw, ctx := newClient(t, &authn{}, nil), t.Context()
	a, err := dw.SignUp(ctx, email, from)
	if err != nil || a.Next() != doorward.NewPassword {
		t.Fatal(err)
	}
	if err := a.NewPassword(ctx, password); err != nil || a.Next() != doorward.EmailVerification {
		t.Fatal(err)
	}
	a, err = dw.SignIn(ctx, email, from)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Password(ctx, "contained"); err != nil {
		t.Fatal(err)
	}
	if a.Next() != doorward.Refused || a.Refusal() != typev1.Reason_REASON_PASSWORD_CONTAINED {
		t.Errorf("%v, %v", a.Next(), a.Refusal())
	}
}

func TestASignUpMayBringAnInvitation(t *testing.T) {
	server := &authn{}
	dw, ctx := newClient(t, server, nil), t.Context()
	for _, token := range []string{"dwi_1", ""} {
		a, err := dw.SignUpInvited(ctx, email, doorward.SecretOf(token), from)
		if err != nil || a.Next() != doorward.NewPassword || server.invitation != token {
			t.Errorf("with %q authn was sent %q: %v", token, server.invitation, err)
		}
	}
}

func TestOnlyATicketResumesAnAttempt(t *testing.T) {
	dw := newClient(t, &authn{}, nil)
	for _, text := range []string{"", ".", "att_1", "att_1.", ".secret"} {
		if _, err := dw.Resume(doorward.SecretOf(text), from); !errors.Is(err, doorward.ErrBadTicket) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := new(doorward.Attempt).Password(t.Context(), password); !errors.Is(err, doorward.ErrNotStarted) {
		t.Errorf("an attempt that wasn't started: %v", err)
	}
}

func TestEveryCallHasADeadline(t *testing.T) {
	server := &authn{hang: make(chan struct{})}
	defer close(server.hang)
	dw := newClient(t, server, func(c *doorward.Config) { c.Timeout = 50 * time.Millisecond })
	_, err := dw.Refresh(context.WithoutCancel(t.Context()), doorward.SecretOf("srt_1"), from)
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("%v", err)
	}
}

// TestLostConnectionIsTriedForAgainSoon: an authn that is away for some seconds is asked for several times meanwhile. gRPC by itself would have tried
// thrice in 5 s.
func TestLostConnectionIsTriedForAgainSoon(t *testing.T) {
	const tries = 6
	dialled := make(chan struct{}, tries)
	client := newClient(t, &authn{}, func(c *doorward.Config) {
		c.DialOptions = []grpc.DialOption{grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			select {
			case dialled <- struct{}{}:
			default:
			}
			return nil, errors.New("away")
		})}
	})
	if _, err := client.SignIn(t.Context(), email, from); status.Code(err) != codes.Unavailable {
		t.Fatalf("%v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for i := range tries {
		select {
		case <-dialled:
		case <-ctx.Done():
			t.Fatalf("%d tries in 5 s, want %d", i, tries)
		}
	}
}

func TestServerOfAnotherNameOrCAIsRefused(t *testing.T) {
	_, otherCA := authntest.Certificate(t, "authn")
	for name, change := range map[string]func(*doorward.Config){
		"another name": func(c *doorward.Config) { c.ServerName = "risk" },
		"another CA":   func(c *doorward.Config) { c.CAFile = otherCA },
		"system roots": func(c *doorward.Config) { c.CAFile = "" },
	} {
		t.Run(name, func(t *testing.T) {
			server := &authn{}
			if _, err := newClient(t, server, change).SignIn(t.Context(), email, from); status.Code(err) != codes.Unavailable {
				t.Errorf("%v", err)
			}
			if server.headers != nil {
				t.Error("the API key was sent")
			}
		})
	}
}

func TestFailuresTellReasonTimeAndFields(t *testing.T) {
	state, err := status.New(codes.ResourceExhausted, "too many").WithDetails(
		&errdetails.ErrorInfo{Domain: "another.example", Reason: "BLOCKED"},
		&errdetails.ErrorInfo{Domain: "doorward", Reason: "TOO_MANY_FAILURES"},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(3 * time.Second)},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{
			Field: "email", Description: "must be an email", Reason: "EMAIL_NONE",
		}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	_, failure := newClient(t, &authn{fail: state.Err()}, nil).SignIn(t.Context(), email, from)
	reason, ok := doorward.ReasonOf(failure)
	if !ok || reason != typev1.Reason_REASON_TOO_MANY_FAILURES {
		t.Errorf("%v, %v", reason, ok)
	}
	if wait, ok := doorward.RetryAfter(failure); !ok || wait != 3*time.Second {
		t.Errorf("%v, %v", wait, ok)
	}
	if fields := doorward.Violations(failure); len(fields) != 1 || fields[0] != (doorward.Violation{Field: "email", Rule: "must be an email", Reason: "EMAIL_NONE"}) {
		t.Errorf("%v", fields)
	}
	for _, err := range []error{nil, errors.New("x"), status.Error(codes.Internal, "x")} {
		if reason, ok := doorward.ReasonOf(err); ok {
			t.Errorf("%v has the reason %v", err, reason)
		}
	}
}

func TestEnvironmentReportsAllThatIsMissing(t *testing.T) {
	for _, name := range []string{"DOORWARD_ADDRESS", "DOORWARD_API_KEY", "DOORWARD_CA", "DOORWARD_SERVER_NAME"} {
		t.Setenv(name, "")
	}
	_, err := doorward.FromEnv(t.Context())
	if want := "no DOORWARD_ADDRESS, no DOORWARD_API_KEY: run . .doorward/dev.env"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	t.Setenv("DOORWARD_ADDRESS", "localhost:7401")
	_, err = doorward.FromEnv(t.Context())
	if want := "no DOORWARD_API_KEY: run . .doorward/dev.env"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	t.Setenv("DOORWARD_API_KEY", "dwk_1")
	client, err := doorward.FromEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
}

func TestCAWithoutCertificateIsAnErrorAndNotTheSystemsRoots(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, empty + ".missing"} {
		if _, err := doorward.New(doorward.Config{Address: "localhost:1", APIKey: doorward.SecretOf("k"), CAFile: path}); err == nil {
			t.Errorf("%s was taken", path)
		}
	}
	_, err := doorward.New(doorward.Config{Timeout: -1})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("want three faults at once: %v", err)
	}
}
