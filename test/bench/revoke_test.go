package bench_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/bus"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/verify"
	"github.com/doorward/doorward/test/testbed"
)

const (
	revocations = 1000
	// revokers share the sessions, so that no session is the same user's as the one before.
	revokers = 25
	// revokeEvery is the operator's limit, 50 calls a second.
	revokeEvery = 20 * time.Millisecond
)

// BenchmarkRevokeSession is the way of 1,000 revocations: an operator's call, the commit, the outbox, NATS, the verifier of a backend that has
// just let the session in. It reports how long after the call's start, and after its answer, the backend refuses: 0 when the refusal was
// there before the answer. The limit is a message on a NATS server of the same kind, from publishing to being read, in turns with it.
func BenchmarkRevokeSession(b *testing.B) {
	w := newRevoking(b)
	var start, answer, wire []time.Duration
	for b.Loop() { // once: it takes longer than any -benchtime
		for range revocations / revokers {
			for _, grant := range w.signInAll() {
				wire = append(wire, w.send())
				fromStart, fromAnswer := w.revoke(grant)
				start, answer = append(start, fromStart), append(answer, fromAnswer)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	report(b, "start", start)
	report(b, "answer", answer)
	report(b, "nats", wire)
}

// report gives the times' percentiles, in milliseconds.
func report(b *testing.B, name string, times []time.Duration) {
	slices.Sort(times)
	last := len(times) - 1
	for percentile, at := range map[string]int{"p50": last / 2, "p99": last * 99 / 100, "max": last} {
		b.ReportMetric(float64(times[at])/float64(time.Millisecond), fmt.Sprintf("%s-%s-ms", name, percentile))
	}
}

// revoking is authn, people with sessions, a guarded backend and an operator; and a bare way over NATS to compare with.
type revoking struct {
	*testing.B
	operator authnv1.SessionServiceClient
	guard    *verify.Verifier
	applied  <-chan testbed.Arrival
	people   []*testbed.Person
	pace     *time.Ticker

	wire *bus.Conn
	read <-chan testbed.Arrival
}

func newRevoking(b *testing.B) *revoking {
	b.Helper()
	bed := testbed.New(b)
	w := &revoking{B: b, operator: bed.Operator(), pace: time.NewTicker(revokeEvery)}
	b.Cleanup(w.pace.Stop)
	feed, applied := testbed.Watch(bed.Bus.Feed())
	w.guard, w.applied = bed.Guard(bed.Application(bed.Addr()), feed), applied
	for i := range revokers {
		w.people = append(w.people, bed.SignUp(fmt.Sprintf("user%d@example.org", i)))
	}
	w.openWire()
	return w
}

// openWire connects a publisher and a reader over a server of their own, on which no relay counts the messages.
func (w *revoking) openWire() {
	w.Helper()
	server := testbed.StartBus(w)
	source, read := testbed.Watch(server.Feed())
	w.wire, w.read = server.Connect(bus.Authn), read
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = source.Read(ctx, time.Now(), func(string, []byte) {}) // its error is that it was told to end
	}()
	w.Cleanup(func() {
		cancel()
		<-ended
	})
	// The reader is there once something arrives.
	w.send()
}

// send is one message's time from publisher to reader.
func (w *revoking) send() time.Duration {
	w.Helper()
	const subject = "doorward.revocation.session.ses_wire"
	begin := time.Now()
	if _, err := w.wire.JetStream().Publish(w.Context(), subject, []byte("as long as a revocation's body is, or nearly so")); err != nil {
		w.Fatal(err)
	}
	return testbed.Await(w, w.read, subject).At.Sub(begin)
}

// signInAll gives everybody one more session, which the backend lets in.
func (w *revoking) signInAll() []doorward.Grant {
	w.Helper()
	var grants []doorward.Grant
	for _, p := range w.people {
		grant, err := p.SignIn(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		if _, err := w.guard.Verify(w.Context(), grant.SessionToken.Reveal()); err != nil {
			w.Fatal(err)
		}
		grants = append(grants, grant)
	}
	return grants
}

// revoke ends a session and says how long it took until the backend refused it.
func (w *revoking) revoke(grant doorward.Grant) (fromStart, fromAnswer time.Duration) {
	w.Helper()
	<-w.pace.C
	begin := time.Now()
	if _, err := w.operator.RevokeSession(w.Context(), &authnv1.RevokeSessionRequest{SessionId: grant.SessionID}); err != nil {
		w.Fatal(err)
	}
	answered := time.Now()
	refused := testbed.Await(w, w.applied, "doorward.revocation.session."+grant.SessionID).At
	if _, err := w.guard.Verify(w.Context(), grant.SessionToken.Reveal()); !errors.Is(err, verify.ErrSessionEnded) {
		w.Fatal(err)
	}
	return refused.Sub(begin), max(0, refused.Sub(answered))
}
