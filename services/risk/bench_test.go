package risk_test

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/emptypb"

	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/risk"
	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/store"
	"github.com/doorward/doorward/services/risk/internal/store/boltstore"
)

const (
	benchUsers = 1000
	benchRound = 8192 // calls of one side before the other has its turn
)

// BenchmarkAssess compares Assess, everything on, with an empty call to a bare gRPC server, both over mTLS on one connection. The two take
// turns, so that both meet the same machine. Read the ratio, not the times: the aim is 0.5 with the machine full, and 2 ms at the 99th
// percentile with room left.
func BenchmarkAssess(b *testing.B) {
	for _, callers := range []int{2, 64} {
		b.Run(fmt.Sprint(callers, "callers"), func(b *testing.B) { benchmarkAssess(b, callers) })
	}
}

func benchmarkAssess(b *testing.B, callers int) {
	d := prepare(b)
	d.change = func(c *risk.Config) { c.Decisions.KeepMost = 100_000 }
	d.fillHistories()
	d.start()
	assess := riskv1.NewRiskServiceClient(d.plain(d.service.Addr().String()))
	requests := d.benchRequests()
	empty := d.plain(d.emptyServer())

	var ours, bare time.Duration
	var took, bareTook []time.Duration
	b.ResetTimer()
	for left := b.N; left > 0; left -= benchRound {
		calls := min(left, benchRound)
		spent, each := inParallel(b, callers, calls, func(n int) error {
			_, err := assess.Assess(context.Background(), requests[n%len(requests)])
			return err
		})
		ours += spent
		took = append(took, each...)
		b.StopTimer()
		spent, each = inParallel(b, callers, calls, func(int) error {
			return empty.Invoke(context.Background(), "/test.Empty/Do", &emptypb.Empty{}, &emptypb.Empty{})
		})
		bare += spent
		bareTook = append(bareTook, each...)
		b.StartTimer()
	}
	b.StopTimer()
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "of-empty-call")
	b.ReportMetric(float64(b.N)/ours.Seconds(), "calls/s")
	b.ReportMetric(p99(took), "p99-µs")
	b.ReportMetric(p99(bareTook), "empty-p99-µs")
	gathered, err := d.metrics.Gather()
	must(b, err)
	lost := 0.0
	for _, family := range gathered {
		if family.GetName() == "doorward_risk_decisions_lost_total" {
			lost = family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	b.ReportMetric(100*lost/float64(b.N), "%-unrecorded")
}

// p99 in microseconds.
func p99(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)*99/100].Microseconds())
}

// fillHistories gives each user a past of ten sign-ins, on the file.
func (d *deployment) fillHistories() {
	d.Helper()
	s, err := boltstore.Open(d.path("data", "risk.db"), boltstore.Options{})
	must(d, err)
	var past history.History
	for n := range uint64(10) {
		at := time.Now().Add(time.Duration(n) * time.Hour).Add(-week)
		past = history.Apply(past, history.SignIn{EventID: id.New("evt", at), SessionID: id.New("ses", at), UserVersion: n + 1, At: at, Country: "DE"})
	}
	must(d, s.Update(deadline(d), func(tx store.Tx) error {
		for n := range benchUsers {
			if err := tx.Histories.Put(fmt.Sprint("usr_", n), past); err != nil {
				return err
			}
		}
		return nil
	}))
	must(d, s.Close())
}

// benchRequests come from as many addresses as there are users.
func (d *deployment) benchRequests() []*riskv1.AssessRequest {
	ip := netip.MustParseAddr(d.address("DE"))
	var requests []*riskv1.AssessRequest
	for n := range benchUsers {
		user := fmt.Sprint("usr_", n)
		requests = append(requests, &riskv1.AssessRequest{
			Purpose: riskv1.Purpose_PURPOSE_SIGN_IN, AttemptId: "att_06dk3v00000000000000000000", UserId: user, AccountKey: key(user), Ip: ip.String(),
			UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
		})
		ip = ip.Next()
	}
	return requests
}

// inParallel shares calls among callers, and returns how long all and each of them took.
func inParallel(b *testing.B, callers, calls int, call func(n int) error) (all time.Duration, each []time.Duration) {
	each = make([]time.Duration, calls)
	began := time.Now()
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for n := caller; n < calls; n += callers {
				start := time.Now()
				if err := call(n); err != nil {
					b.Error(err)
					return
				}
				each[n] = time.Since(start)
			}
		})
	}
	group.Wait()
	return time.Since(began), each
}

// emptyServer is gRPC alone: the same certificates, no interceptor, a handler that does nothing.
func (d *deployment) emptyServer() (address string) {
	d.Helper()
	material, err := certs.Load(d.path("certs"), "risk", quiet())
	must(d, err)
	server := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(certs.ServerTLS(material, certs.ServicesOnly))),
		grpc.NumStreamWorkers(uint32(runtime.GOMAXPROCS(0)+1)),
	)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.Empty", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Do",
			Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				return &emptypb.Empty{}, decode(&emptypb.Empty{})
			},
		}},
	}, nil)
	listener, err := app.Listen(d.Context(), "127.0.0.1:0")
	must(d, err)
	go func() { _ = server.Serve(listener) }()
	d.Cleanup(server.Stop)
	return listener.Addr().String()
}

// plain is a client without our interceptors: it is the servers that are compared.
func (d *deployment) plain(address string) *grpc.ClientConn {
	d.Helper()
	material, err := certs.Load(d.path("certs"), "authn", quiet())
	must(d, err)
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(certs.ClientTLS(material, "risk"))))
	must(d, err)
	d.Cleanup(func() { _ = conn.Close() })
	return conn
}
