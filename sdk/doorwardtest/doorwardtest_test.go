package doorwardtest_test

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/doorwardtest"
	"github.com/doorward/doorward/sdk/internal/authntest"
)

func TestTokensAreAcceptedUntilRevoked(t *testing.T) {
	dw := doorwardtest.New(t)
	conn := authntest.Connect(t, func(server grpc.ServiceRegistrar) { healthv1.RegisterHealthServer(server, health.NewServer()) },
		grpc.UnaryInterceptor(dw.Verifier.Unary()))
	client := healthv1.NewHealthClient(conn)
	call := func(token string) typev1.Reason {
		_, err := client.Check(doorwardtest.Outgoing(t.Context(), token), &healthv1.HealthCheckRequest{})
		reason, _ := doorward.ReasonOf(err)
		return reason
	}
	const fine = typev1.Reason_REASON_UNSPECIFIED
	alice, bob := dw.Token("usr_alice"), dw.Token("usr_bob", doorwardtest.Session("ses_7"), doorwardtest.AMR("pwd", "otp"))
	if a, b := call(alice), call(bob); a != fine || b != fine {
		t.Fatalf("%v, %v", a, b)
	}
	session, err := dw.Verifier.Verify(t.Context(), bob)
	if err != nil || session.SessionID != "ses_7" || !session.ProvedBy("otp") {
		t.Errorf("%+v, %v", session, err)
	}
	dw.Revoke(doorwardtest.SessionID("usr_alice"))
	if a, b := call(alice), call(bob); a != typev1.Reason_REASON_SESSION_ENDED || b != fine {
		t.Errorf("%v, %v", a, b)
	}
	if got := call(dw.Token("usr_carol", doorwardtest.Expired())); got != typev1.Reason_REASON_SESSION_TOKEN_EXPIRED {
		t.Errorf("%v", got)
	}
}
