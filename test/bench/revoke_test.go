package bench_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
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
	// round is how long all of them take at least, for an operator may call 50 times a second.
	round = revokers * time.Second / 50
)

// BenchmarkRevokeSession is the way of 1,000 revocations: an operator's call, the commit, the outbox, NATS, the verifier of a backend that has
// just let the session in. It reports how long after the call's start, and after its answer, the backend refuses: 0 when the refusal was
// there before the answer. The limits are taken in turns with it: a message on a NATS server of the same kind, from publishing to being read,
// and what a commit costs the disk, with that message.
func BenchmarkRevokeSession(b *testing.B) {
	w := newRevoking(b)
	var start, answer, disk, wire []time.Duration
	for b.Loop() { // once: it takes longer than any -benchtime
		for range revocations / revokers {
			<-w.pace.C
			for _, grant := range w.signInAll() {
				synced, sent := w.sync(), w.send()
				disk, wire = append(disk, synced+sent), append(wire, sent)
				fromStart, fromAnswer := w.revoke(grant)
				start, answer = append(start, fromStart), append(answer, fromAnswer)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	report(b, "start", start)
	report(b, "answer", answer)
	report(b, "disk-nats", disk)
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

	disk *os.File
	wire *bus.Conn
	read <-chan testbed.Arrival
}

func newRevoking(b *testing.B) *revoking {
	b.Helper()
	bed := testbed.New(b)
	bed.Unpaced()
	w := &revoking{B: b, operator: bed.Operator(), pace: time.NewTicker(round)}
	b.Cleanup(w.pace.Stop)
	feed, applied := testbed.Watch(bed.Bus.Feed())
	w.guard, w.applied = bed.Guard(bed.Application(bed.Addr()), feed), applied
	for i := range revokers {
		w.people = append(w.people, bed.SignUp(fmt.Sprintf("user%d@example.org", i)))
	}
	var err error
	if w.disk, err = os.Create(filepath.Join(b.TempDir(), "pages")); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = w.disk.Close() })
	w.openWire()
	return w
}

// sync is the disk's time for a commit: two pages, each written and synced.
func (w *revoking) sync() time.Duration {
	w.Helper()
	page := make([]byte, 4096)
	begin := time.Now()
	for at := range int64(2) {
		if _, err := w.disk.WriteAt(page, at*4096); err != nil {
			w.Fatal(err)
		}
		if err := w.disk.Sync(); err != nil {
			w.Fatal(err)
		}
	}
	return time.Since(begin)
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
		_ = source.Read(ctx, time.Now(), func(string, map[string][]string, []byte) {}) // its error is that it was told to end
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
	grants, errs := make([]doorward.Grant, revokers), make([]error, revokers)
	var signing sync.WaitGroup
	for half := range 2 { // no more at once than the hash pool takes on any machine
		signing.Go(func() {
			for i := half; i < revokers; i += 2 {
				if grants[i], errs[i] = w.people[i].SignIn(w.Context()); errs[i] == nil {
					_, errs[i] = w.guard.Verify(w.Context(), grants[i].SessionToken.Reveal())
				}
			}
		})
	}
	signing.Wait()
	if err := errors.Join(errs...); err != nil {
		w.Fatal(err)
	}
	return grants
}

// revoke ends a session and says how long it took until the backend refused it.
func (w *revoking) revoke(grant doorward.Grant) (fromStart, fromAnswer time.Duration) {
	w.Helper()
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
