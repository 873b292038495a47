package flow_test

import (
	"context"
	"net"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/services/authn/internal/api"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

// visitor is somebody without the right password or code, and sees authn as an application shows it: over gRPC, each answer a message or a status.
type visitor struct {
	w      *world
	ledger *ledger
	client *typev1.ClientContext
	remote authnv1.AttemptServiceClient
	// saw is what came of each call.
	saw []sighting
	// held are the attempts that were begun, oldest first.
	held []held
}

type held struct{ id, secret string }

// sighting is a call's answer as anybody could see it, and what it cost, which its time could tell.
type sighting struct {
	Call string
	// Answer is the message or the status, without what is random.
	Answer proto.Message
	Hashes int
	// Calls are those of the store, by role and method.
	Calls map[string]int
	// Rows are what was put into the outbox, mails included.
	Rows []rowSize
	// Questions are what risk was asked, as far as its gate may look at it.
	Questions []flow.Question
	Audits    []string
}

// rowSize is what a queue's reader, or a disk, could tell from others.
type rowSize struct {
	Type, Subject string
	Keyed         bool
	Bytes         int
}

// visitor has calls go through a ledger, from now on.
func (w *world) visitor() *visitor {
	w.t.Helper()
	books := &ledger{Store: w.store, calls: map[string]int{}}
	w.through(books)
	return &visitor{w: w, ledger: books, remote: w.serve(), client: &typev1.ClientContext{Ip: strangerIP, UserAgent: chrome, AcceptLanguage: "pt-BR"}}
}

// serve puts the contract over the flows as they are now, for calls of the shop's.
func (w *world) serve() authnv1.AttemptServiceClient {
	w.t.Helper()
	shop := access.Principal{Kind: access.Application, ID: w.app, ApplicationID: w.app}
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		resp, err := next(access.NewContext(ctx, shop), req)
		return resp, fault.Answer(err)
	}))
	api.Register(server, api.Flows{Attempts: w.attempts})
	listener := bufconn.Listen(64 << 10)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///authn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	w.must(err)
	w.t.Cleanup(func() {
		w.must(conn.Close())
		server.Stop()
		w.must(<-served)
	})
	return authnv1.NewAttemptServiceClient(conn)
}

// watch makes one call and keeps what came of it.
func (v *visitor) watch(name string, call func(context.Context) (proto.Message, error)) {
	v.w.t.Helper()
	asked, audited := len(v.w.risk.questions()), v.w.audited()
	v.ledger.spent()
	s := sighting{Call: name}
	var rows []outbox.Row
	s.Hashes = v.w.hashesDuring(func() {
		rows = v.w.rowsDuring(func() {
			answer, err := call(v.w.t.Context())
			if s.Answer = answer; err != nil {
				s.Answer = status.Convert(err).Proto()
			}
		})
	})
	s.Calls = v.ledger.spent()
	for _, r := range rows {
		s.Rows = append(s.Rows, rowSize{r.Type, r.Subject, r.Key != "", len(r.Data)})
	}
	for _, q := range v.w.risk.questions()[asked:] {
		q.UserID, q.AttemptID, q.AccountKey = "", "", [32]byte{}
		s.Questions = append(s.Questions, q)
	}
	for _, r := range v.w.audits() {
		if r.Sequence > audited {
			s.Audits = append(s.Audits, r.Action+" "+r.Reason)
		}
	}
	v.saw = append(v.saw, s)
}

func (v *visitor) startSignIn(email string) {
	v.w.t.Helper()
	v.watch("start sign-in", func(ctx context.Context) (proto.Message, error) {
		got, err := v.remote.StartSignIn(ctx, &authnv1.StartSignInRequest{Client: v.client, Email: email})
		if err == nil {
			v.hold(got.GetAttempt(), &got.AttemptSecret)
		}
		return got, err
	})
}

func (v *visitor) startSignUp(email string) {
	v.w.t.Helper()
	v.watch("start sign-up", func(ctx context.Context) (proto.Message, error) {
		got, err := v.remote.StartSignUp(ctx, &authnv1.StartSignUpRequest{Client: v.client, Email: email})
		if err == nil {
			v.hold(got.GetAttempt(), &got.AttemptSecret)
		}
		return got, err
	})
}

func (v *visitor) hold(a *authnv1.Attempt, secret *string) {
	v.held = append(v.held, held{a.GetId(), *secret})
	*secret = ""
	v.blur(a)
}

// blur takes out what is random, and tells times from now.
func (v *visitor) blur(a *authnv1.Attempt) {
	a.Id = ""
	a.ExpiresAt = timestamppb.New(time.Unix(0, 0).Add(a.GetExpiresAt().AsTime().Sub(v.w.clock.Now())))
}

// last is the attempt that was begun last.
func (v *visitor) last() held {
	if len(v.held) == 0 {
		return held{"att_none", "ats_none"} // the start was refused
	}
	return v.held[len(v.held)-1]
}

func (v *visitor) prepare(h held) {
	v.w.t.Helper()
	v.watch("prepare", func(ctx context.Context) (proto.Message, error) {
		got, err := v.remote.Prepare(ctx, &authnv1.PrepareRequest{
			AttemptId: h.id, AttemptSecret: h.secret, Client: v.client, Factor: authnv1.Factor_FACTOR_EMAIL_CODE,
		})
		if err == nil {
			v.blur(got.GetAttempt())
		}
		return got, err
	})
}

func (v *visitor) tell(h held, name string, answer *authnv1.ContinueRequest) {
	v.w.t.Helper()
	answer.AttemptId, answer.AttemptSecret, answer.Client = h.id, h.secret, v.client
	v.watch(name, func(ctx context.Context) (proto.Message, error) {
		got, err := v.remote.Continue(ctx, answer)
		if err == nil {
			v.blur(got.GetAttempt())
		}
		return got, err
	})
}

func (v *visitor) password(h held) {
	v.w.t.Helper()
	v.tell(h, "a wrong password", &authnv1.ContinueRequest{Answer: &authnv1.ContinueRequest_Password{Password: wrong}})
}

func (v *visitor) newPassword(h held, p string) {
	v.w.t.Helper()
	v.tell(h, "a new password", &authnv1.ContinueRequest{Answer: &authnv1.ContinueRequest_NewPassword{NewPassword: p}})
}

// code gives a code that isn't the attempt's: a guesser is lucky once in a million.
func (v *visitor) code(h held) {
	v.w.t.Helper()
	wrong := "000000"
	for _, m := range slices.Backward(v.w.mails()) {
		wrong = otherThan(m.content.GetCode())
		break
	}
	v.tell(h, "a wrong code", &authnv1.ContinueRequest{Answer: &authnv1.ContinueRequest_Code{Code: wrong}})
}

// audited is the sequence of the newest record.
func (w *world) audited() uint64 {
	w.t.Helper()
	var last uint64
	for _, r := range w.audits() {
		last = max(last, r.Sequence)
	}
	return last
}
