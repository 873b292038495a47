package verify_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/sdk/internal/authntest"
	"github.com/doorward/doorward/sdk/verify"
)

const missing, invalid = typev1.Reason_REASON_SESSION_TOKEN_MISSING, typev1.Reason_REASON_SESSION_TOKEN_INVALID

// guarded serves grpc's health service behind the interceptors: one unary method, and one stream that stays open.
func guarded(t *testing.T, w *world, seen func(context.Context), options ...verify.Option) healthv1.HealthClient {
	t.Helper()
	note := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		seen(ctx)
		return handle(ctx, request)
	}
	noteStream := func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
		seen(stream.Context())
		return handle(server, stream)
	}
	conn := authntest.Connect(t, func(server grpc.ServiceRegistrar) { healthv1.RegisterHealthServer(server, health.NewServer()) },
		grpc.ChainUnaryInterceptor(w.verifier.Unary(options...), note),
		grpc.ChainStreamInterceptor(w.verifier.Stream(options...), noteStream))
	return healthv1.NewHealthClient(conn)
}

func bearer(t *testing.T, values ...string) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return metadata.NewOutgoingContext(ctx, metadata.MD{"authorization": values})
}

func TestInterceptorsDenyByDefault(t *testing.T) {
	w := newWorld(t)
	good := w.token("ses_1")
	client := guarded(t, w, func(ctx context.Context) {
		if session, ok := verify.FromContext(ctx); !ok || session.UserID != "usr_1" {
			t.Errorf("the handler sees %+v, %v", session, ok)
		}
	})
	for name, test := range map[string]struct {
		headers []string
		reason  typev1.Reason
	}{
		"none":              {nil, missing},
		"empty":             {[]string{""}, missing},
		"another scheme":    {[]string{"Basic " + good}, missing},
		"no scheme":         {[]string{good}, missing},
		"scheme alone":      {[]string{"Bearer "}, missing},
		"two, one is good":  {[]string{"Bearer x", "Bearer " + good}, invalid},
		"bad":               {[]string{"Bearer x"}, invalid},
		"good":              {[]string{"Bearer " + good}, none},
		"good, lower case":  {[]string{"bearer " + good}, none},
		"a space too many":  {[]string{"Bearer  " + good}, invalid},
		"good with a comma": {[]string{"Bearer " + good + ",Bearer x"}, invalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.Check(bearer(t, test.headers...), &healthv1.HealthCheckRequest{})
			expectRefused(t, err, test.reason)
			stream, err := client.Watch(bearer(t, test.headers...), &healthv1.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = stream.Recv()
			expectRefused(t, err, test.reason)
		})
	}
}

func expectRefused(t *testing.T, err error, reason typev1.Reason) {
	t.Helper()
	expectReason(t, err, reason)
	if err == nil {
		return
	}
	if state := status.Convert(err); state.Code() != codes.Unauthenticated ||
		state.Message() != verify.ErrTokenMissing.Error() && state.Message() != verify.ErrTokenInvalid.Error() {
		t.Errorf("%v %q: the wire has more than the refusal", state.Code(), state.Message())
	}
}

func TestPublicMethodNeedsNoSessionAndStillSeesOne(t *testing.T) {
	w := newWorld(t)
	sessions := make(chan bool, 1)
	client := guarded(t, w, func(ctx context.Context) {
		_, ok := verify.FromContext(ctx)
		sessions <- ok
	}, verify.Public("/grpc.health.v1.Health/Check"))

	for name, test := range map[string]struct {
		headers []string
		want    bool
	}{
		"none": {nil, false},
		"bad":  {[]string{"Bearer x"}, false},
		"good": {[]string{"Bearer " + w.token("ses_1")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := client.Check(bearer(t, test.headers...), &healthv1.HealthCheckRequest{}); err != nil {
				t.Fatal(err)
			}
			if got := <-sessions; got != test.want {
				t.Errorf("session: %v, want %v", got, test.want)
			}
		})
	}
	t.Run("another method of the service", func(t *testing.T) {
		stream, err := client.Watch(bearer(t), &healthv1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = stream.Recv()
		expectRefused(t, err, missing)
	})
}

func TestOpenStreamEndsWithItsSession(t *testing.T) {
	w := newWorld(t)
	client := guarded(t, w, func(context.Context) {})
	open := func(sessionID string) healthv1.Health_WatchClient {
		stream, err := client.Watch(bearer(t, "Bearer "+w.token(sessionID)), &healthv1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		return stream
	}
	intruder, owner := open("ses_1"), open("ses_2")
	applied(t, w.feed.Revoke("ses_1"))
	_, err := intruder.Recv()
	expectReason(t, err, ended)
	if streams := w.verifier.Stats().Streams; streams != 1 {
		t.Errorf("%d streams are watched, want the owner's alone", streams)
	}
	if err := owner.CloseSend(); err != nil {
		t.Error(err)
	}
}

// reader is a service whose one method waits for the client's messages.
var reader = grpc.ServiceDesc{
	ServiceName: "test.Reader",
	HandlerType: (*any)(nil),
	Streams: []grpc.StreamDesc{{
		StreamName: "Read", ClientStreams: true, ServerStreams: true,
		Handler: func(_ any, stream grpc.ServerStream) error {
			for {
				if err := stream.RecvMsg(new(healthv1.HealthCheckRequest)); err != nil {
					return nil // a handler that hides why it ended
				}
				if err := stream.SendMsg(new(healthv1.HealthCheckResponse)); err != nil {
					return nil
				}
			}
		},
	}},
}

func openReader(t *testing.T, w *world, sessionID string) (grpc.ClientStream, error) {
	t.Helper()
	conn := authntest.Connect(t, func(server grpc.ServiceRegistrar) { server.RegisterService(&reader, nil) },
		grpc.ChainStreamInterceptor(w.verifier.Stream()))
	stream, err := conn.NewStream(bearer(t, "Bearer "+w.token(sessionID)), &reader.Streams[0], "/test.Reader/Read")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendMsg(new(healthv1.HealthCheckRequest)); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return stream, stream.RecvMsg(new(healthv1.HealthCheckResponse))
}

func TestStreamThatWaitsForItsClientEndsWithItsSession(t *testing.T) {
	w := newWorld(t)
	stream, err := openReader(t, w, "ses_1")
	expectReason(t, err, none)
	applied(t, w.feed.Revoke("ses_1"))
	expectReason(t, stream.RecvMsg(new(healthv1.HealthCheckResponse)), ended)
}

func TestStreamEndsAtItsGreatestAge(t *testing.T) {
	w := newWorld(t, func(c *verify.Config) { c.MaxStreamAge = 50 * time.Millisecond })
	stream, err := openReader(t, w, "ses_1")
	if err == nil {
		err = stream.RecvMsg(new(healthv1.HealthCheckResponse))
	}
	expectReason(t, err, typev1.Reason_REASON_SESSION_TOKEN_EXPIRED)
}

func TestOneStreamTooManyIsRefused(t *testing.T) {
	w := newWorld(t, func(c *verify.Config) { c.MaxStreams = 1 })
	_, err := openReader(t, w, "ses_1")
	expectReason(t, err, none)
	_, err = openReader(t, w, "ses_2")
	expectReason(t, err, typev1.Reason_REASON_OVERLOADED)
}

func TestStreamOfARevokedSessionDoesNotOpen(t *testing.T) {
	w := newWorld(t)
	applied(t, w.feed.Revoke("ses_1"))
	_, err := openReader(t, w, "ses_1")
	expectReason(t, err, ended)
}
