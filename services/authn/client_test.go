package authn_test

import (
	"context"
	"crypto/tls"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
)

const (
	ownersPassword = "correct horse battery staple"
	wrongPassword  = "incorrect horse battery staple"
	nextPassword   = "a fresh horse and two batteries"
)

// bearer is an API key as a caller sends it; empty sends none.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if b == "" {
		return nil, nil
	}
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return true }

var _ credentials.PerRPCCredentials = bearer("")

// caller is a connection to authn.
type caller struct {
	w            *world
	conn         *grpc.ClientConn
	attempts     authnv1.AttemptServiceClient
	sessions     authnv1.SessionServiceClient
	keys         authnv1.KeyServiceClient
	users        authnv1.UserServiceClient
	devices      authnv1.DeviceServiceClient
	alerts       authnv1.AlertServiceClient
	applications authnv1.ApplicationServiceClient
}

// withKey connects as backends do: no certificate, and an API key.
func (w *world) withKey(key string) *caller {
	w.Helper()
	material, err := certs.Load(w.cfg.Certs, "authn", w.logger) // for its CA alone
	w.must(err)
	return w.dial(&tls.Config{MinVersion: tls.VersionTLS13, RootCAs: material.Roots(), ServerName: "authn"}, bearer(key))
}

// withCertificate connects as a service.
func (w *world) withCertificate(name string) *caller {
	w.Helper()
	material, err := certs.Load(w.cfg.Certs, name, w.logger)
	w.must(err)
	return w.dial(certs.ClientTLS(material, "authn"), "")
}

func (w *world) dial(config *tls.Config, key bearer) *caller {
	w.Helper()
	conn, err := rpc.Dial(w.service.Addr().String(), rpc.ClientConfig{TLS: config, Credentials: key})
	w.must(err)
	w.Cleanup(func() { _ = conn.Close() })
	return &caller{
		w: w, conn: conn,
		attempts:     authnv1.NewAttemptServiceClient(conn),
		sessions:     authnv1.NewSessionServiceClient(conn),
		keys:         authnv1.NewKeyServiceClient(conn),
		users:        authnv1.NewUserServiceClient(conn),
		devices:      authnv1.NewDeviceServiceClient(conn),
		alerts:       authnv1.NewAlertServiceClient(conn),
		applications: authnv1.NewApplicationServiceClient(conn),
	}
}

func (w *world) application() *caller { return w.withKey(w.first.ApplicationKey.Reveal()) }
func (w *world) operator() *caller    { return w.withKey(w.first.OperatorKey.Reveal()) }

// laptop and stranger are two devices; a device keeps the secret of its last grant.
func laptop() *typev1.ClientContext {
	return &typev1.ClientContext{
		Ip: "192.0.2.10", AcceptLanguage: "en",
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
	}
}

func stranger() *typev1.ClientContext {
	return &typev1.ClientContext{
		Ip: "198.51.100.66", AcceptLanguage: "de",
		UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
	}
}

// try is one attempt in somebody's hands.
type try struct {
	c       *caller
	on      *typev1.ClientContext
	secret  string
	attempt *authnv1.Attempt
}

func (c *caller) startSignUp(on *typev1.ClientContext, email string) *try {
	c.w.Helper()
	r, err := solved(c.w.Context(), c.attempts.StartSignUp, &authnv1.StartSignUpRequest{Client: proto.CloneOf(on), Email: email})
	c.w.must(err)
	return &try{c: c, on: on, secret: r.GetAttemptSecret(), attempt: r.GetAttempt()}
}

func (c *caller) startSignIn(on *typev1.ClientContext, email string) *try {
	c.w.Helper()
	r, err := c.attempts.StartSignIn(c.w.Context(), &authnv1.StartSignInRequest{Client: on, Email: email})
	c.w.must(err)
	return &try{c: c, on: on, secret: r.GetAttemptSecret(), attempt: r.GetAttempt()}
}

func (x *try) request() *authnv1.ContinueRequest {
	return &authnv1.ContinueRequest{AttemptId: x.attempt.GetId(), AttemptSecret: x.secret, Client: x.on}
}

func (x *try) answer(req *authnv1.ContinueRequest) error {
	r, err := x.c.attempts.Continue(x.c.w.Context(), req)
	if err == nil {
		x.attempt = r.GetAttempt()
	}
	return err
}

func (x *try) password(p string) error {
	req := x.request()
	req.Answer = &authnv1.ContinueRequest_Password{Password: p}
	return x.answer(req)
}

func (x *try) newPassword(p string) error {
	req := x.request()
	req.Answer = &authnv1.ContinueRequest_NewPassword{NewPassword: p}
	return x.answer(req)
}

func (x *try) code(code string) error {
	req := x.request()
	req.Answer = &authnv1.ContinueRequest_Code{Code: code}
	return x.answer(req)
}

func (x *try) prepare() error {
	_, err := x.c.attempts.Prepare(x.c.w.Context(), &authnv1.PrepareRequest{
		AttemptId: x.attempt.GetId(), AttemptSecret: x.secret, Client: x.on, Factor: authnv1.Factor_FACTOR_EMAIL_CODE,
	})
	return err
}

// at checks where the attempt stands after a call.
func (x *try) at(step authnv1.Step, err error) *try {
	x.c.w.Helper()
	x.c.w.must(err)
	if x.attempt.GetStep() != step {
		x.c.w.Fatalf("the attempt is at %v (%v), want %v", x.attempt.GetStep(), x.attempt.GetRefusal(), step)
	}
	return x
}

// done checks that the attempt ended in a grant, and lets the device keep its secret.
func (x *try) done(err error) *authnv1.Grant {
	x.c.w.Helper()
	x.at(authnv1.Step_STEP_DONE, err)
	grant := x.attempt.GetGrant()
	if grant.GetSessionToken() == "" || grant.GetRefreshToken() == "" || grant.GetDeviceSecret() == "" {
		x.c.w.Fatal("the grant lacks a secret")
	}
	x.on.DeviceSecret = grant.GetDeviceSecret()
	return grant
}

// signUp creates an account and trusts the device.
func (c *caller) signUp(mails *mailbox, on *typev1.ClientContext, email string) *authnv1.Grant {
	c.w.Helper()
	x := c.startSignUp(on, email).at(authnv1.Step_STEP_NEW_PASSWORD, nil)
	x.at(authnv1.Step_STEP_EMAIL_VERIFICATION, x.newPassword(ownersPassword))
	c.w.must(x.prepare())
	return x.done(x.code(mails.code(email, eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_CODE)))
}

// signInWithCode signs in on a device that isn't known.
func (c *caller) signInWithCode(mails *mailbox, on *typev1.ClientContext, email string) *authnv1.Grant {
	c.w.Helper()
	x := c.startSignIn(on, email)
	x.at(authnv1.Step_STEP_DEVICE_VERIFICATION, x.password(ownersPassword))
	c.w.must(x.prepare())
	return x.done(x.code(mails.code(email, eventv1.MailPurpose_MAIL_PURPOSE_DEVICE_CODE)))
}

func (c *caller) verify(token string) error {
	_, err := c.sessions.VerifySession(c.w.Context(), &authnv1.VerifySessionRequest{SessionToken: token})
	return err
}

// refused checks an error's status and reason.
func refused(t *testing.T, err error, kind fault.Kind, reason typev1.Reason) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || fault.ReasonOf(err) != reason {
		t.Errorf("err = %v (%v, %v), want %v, %v", err, fault.KindOf(err), fault.ReasonOf(err), kind, reason)
	}
}
