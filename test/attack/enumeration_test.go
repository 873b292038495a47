package attack_test

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/enumeration"
	"github.com/doorward/doorward/internal/leak"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/services/authn"
)

// enumerating asks through every entrance after accounts of every state and after addresses that belong to nobody. Nobody can tell them apart: not by a
// shape, and by time as far as the machine's noise lets see, which at scale 1 is what several others leave of it.
func enumerating(t *testing.T, s *suite) {
	criteria, probes, slow := leak.Criteria{Error: 1e-3, Tolerance: 20 * time.Millisecond, Resolution: time.Minute, Resamples: 200}, 8, 5
	if large() {
		criteria, probes, slow = leak.DefaultCriteria(), 120, 10
		criteria.Tolerance, criteria.Resolution = time.Millisecond, 10*time.Millisecond
	}
	crowd := enumeration.Crowd{Domain: "selftest.invalid", Batch: "attack"}
	populated, err := enumeration.Populate(t.Context(), s.Dial(s.Authn), enumeration.Population{
		Crowd: crowd, States: enumeration.States(), Accounts: enumeration.Accounts(probes), SlowCost: slow,
	})
	must(t, err)
	defer func() { must(t, populated.Close(t.Context())) }()
	report, err := enumeration.Run(t.Context(), enumeration.Config{
		Conn: s.plain(t), Table: authn.Table(), Crowd: crowd, States: enumeration.States(), Probes: probes,
		Criteria: criteria, Random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	})
	must(t, err)
	for _, row := range report.Rows {
		t.Logf("%s, %s: %v, and %v for nobody; differs by %v (from %v to %v, at most %v): %s", row.Entry, row.State, row.Known, row.Unknown,
			row.Difference, row.Low, row.High, criteria.Tolerance, row.Verdict)
		for _, shape := range row.Shapes {
			t.Log(shape)
		}
	}
	if report.Leaks() {
		t.Error("strangers can tell who has an account")
	}
	for _, doubt := range report.Doubts() { // what others do on the machine isn't the suite's fault
		t.Logf("doubtful: %s", doubt)
	}
	if len(report.Unreached) > 0 {
		t.Errorf("nothing got as far as %v", report.Unreached)
	}
}

// plain calls as an application, with nothing of the SDK's in between.
func (s *suite) plain(t *testing.T) *grpc.ClientConn {
	t.Helper()
	env := s.Environment()
	roots, err := certs.ReadRoots(env["DOORWARD_CA"])
	must(t, err)
	conn, err := rpc.Dial(env["DOORWARD_ADDRESS"], rpc.ClientConfig{
		TLS:         &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: env["DOORWARD_SERVER_NAME"]},
		Credentials: bearer(s.ApplicationKey), BareStatus: true,
	})
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// bearer is an API key as a caller sends it.
type bearer string

var _ credentials.PerRPCCredentials = bearer("")

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return true }
