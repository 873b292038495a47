package main

import (
	"context"
	"log/slog"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/sdk/doorwardtest"
)

const (
	annsEmail    = "ann@example.com"
	annsPassword = "correct horse battery"
	annsCode     = "048213"
	annsDevice   = "the-device's-secret"
	annsSession  = "ses_ann"
)

// authn plays the part of the real one for one user, over real gRPC with TLS: it mails one code, knows one device, and
// signs tokens that dw's verifier accepts.
type authn struct {
	authnv1.UnimplementedAttemptServiceServer
	authnv1.UnimplementedSessionServiceServer

	dw        *doorwardtest.Doorward
	smtp      string
	tokenLife time.Duration // as told to the client

	mu        sync.Mutex
	codesSent int
	refreshed int
}

// startAuthn serves it and sets the environment that `doorward dev` would write.
func startAuthn(t *testing.T, a *authn) {
	t.Helper()
	dir := t.TempDir()
	if _, err := certs.Create(dir, []string{"authn"}, certs.Options{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	material, err := certs.Load(dir, "authn", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(certs.ServerTLS(material, certs.Anyone))))
	authnv1.RegisterAttemptServiceServer(server, a)
	authnv1.RegisterSessionServiceServer(server, a)
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		server.Stop()
		served.Wait()
	})
	t.Setenv("DOORWARD_ADDRESS", listener.Addr().String())
	t.Setenv("DOORWARD_API_KEY", "key_test")
	t.Setenv("DOORWARD_CA", filepath.Join(dir, "ca.pem"))
	t.Setenv("DOORWARD_SERVER_NAME", "authn")
	t.Setenv("NOTES_PASSWORD", "")
	t.Setenv("DOORWARD_INBOX", "")
}

func at(step authnv1.Step, outcome authnv1.Outcome) *authnv1.Attempt {
	return &authnv1.Attempt{Id: "att_1", Step: step, LastAnswer: &authnv1.LastAnswer{Outcome: outcome, AnswersLeft: 3}}
}

func (a *authn) StartSignUp(context.Context, *authnv1.StartSignUpRequest) (*authnv1.StartSignUpResponse, error) {
	return &authnv1.StartSignUpResponse{Attempt: at(authnv1.Step_STEP_NEW_PASSWORD, 0), AttemptSecret: "secret"}, nil
}

func (a *authn) StartSignIn(context.Context, *authnv1.StartSignInRequest) (*authnv1.StartSignInResponse, error) {
	return &authnv1.StartSignInResponse{Attempt: at(authnv1.Step_STEP_FIRST_FACTOR, 0), AttemptSecret: "secret"}, nil
}

func (a *authn) Prepare(context.Context, *authnv1.PrepareRequest) (*authnv1.PrepareResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.codesSent++
	if a.smtp != "" {
		mail := "From: Notes <notes@example.com>\r\nSubject: Your confirmation code\r\n\r\nYour code:\r\n\r\n    " + annsCode + "\r\n"
		if err := smtp.SendMail(a.smtp, nil, "notes@example.com", []string{annsEmail}, []byte(mail)); err != nil {
			return nil, err
		}
	}
	return &authnv1.PrepareResponse{
		Attempt: at(authnv1.Step_STEP_DEVICE_VERIFICATION, authnv1.Outcome_OUTCOME_ACCEPTED),
		Prompt:  &authnv1.Prompt{Destination: "a**@example.com"},
	}, nil
}

func (a *authn) Continue(_ context.Context, in *authnv1.ContinueRequest) (*authnv1.ContinueResponse, error) {
	return &authnv1.ContinueResponse{Attempt: a.next(in)}, nil
}

func (a *authn) next(in *authnv1.ContinueRequest) *authnv1.Attempt {
	const right, wrong = authnv1.Outcome_OUTCOME_ACCEPTED, authnv1.Outcome_OUTCOME_WRONG
	known := in.GetClient().GetDeviceSecret() == annsDevice
	switch answer := in.GetAnswer().(type) {
	case *authnv1.ContinueRequest_NewPassword:
		return at(authnv1.Step_STEP_EMAIL_VERIFICATION, right)
	case *authnv1.ContinueRequest_Password:
		switch {
		case answer.Password != annsPassword:
			return at(authnv1.Step_STEP_FIRST_FACTOR, wrong)
		case known:
			return a.done()
		default:
			return at(authnv1.Step_STEP_DEVICE_VERIFICATION, right)
		}
	case *authnv1.ContinueRequest_Code:
		if answer.Code == annsCode {
			return a.done()
		}
		return at(authnv1.Step_STEP_DEVICE_VERIFICATION, wrong)
	default:
		return at(authnv1.Step_STEP_REFUSED, wrong)
	}
}

func (a *authn) done() *authnv1.Attempt {
	done := at(authnv1.Step_STEP_DONE, authnv1.Outcome_OUTCOME_ACCEPTED)
	done.Grant = &authnv1.Grant{
		UserId: "usr_ann", SessionId: annsSession, DeviceSecret: annsDevice, RefreshToken: "refresh-0",
		SessionToken: a.token(), SessionTokenExpiresAt: timestamppb.New(time.Now().Add(a.tokenLife)),
	}
	return done
}

func (a *authn) token() string { return a.dw.Token("usr_ann", doorwardtest.Session(annsSession)) }

func (a *authn) RefreshSession(_ context.Context, in *authnv1.RefreshSessionRequest) (*authnv1.RefreshSessionResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if in.GetRefreshToken() != "refresh-0" || in.GetClient().GetDeviceSecret() != annsDevice {
		return nil, os.ErrPermission
	}
	a.refreshed++
	return &authnv1.RefreshSessionResponse{
		SessionToken: a.token(), SessionTokenExpiresAt: timestamppb.New(time.Now().Add(time.Minute)), RefreshToken: "refresh-1",
	}, nil
}
