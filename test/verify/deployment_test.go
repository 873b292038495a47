package verify_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/sdk/doorwardtest"
	"github.com/doorward/doorward/sdk/verify"
	"github.com/doorward/doorward/test/testbed"
)

// deployment is a NATS server with the streams, on which the test speaks as authn.
type deployment struct {
	testing.TB
	nats  *testbed.Bus
	authn *bus.Conn
}

func newDeployment(t testing.TB) *deployment {
	t.Helper()
	d := &deployment{TB: t, nats: testbed.StartBus(t)}
	d.authn = d.nats.Connect(bus.Authn)
	return d
}

// restartEmpty loses the streams with all that was in them, as a restored machine may; sequences begin anew.
func (d *deployment) restartEmpty() {
	d.Helper()
	d.nats.Stop()
	d.nats.Lose()
	d.nats.Start()
	testbed.Eventually(d, "authn is connected again", d.authn.Connected)
}

func (d *deployment) publish(subject string, message proto.Message) {
	d.Helper()
	body, err := proto.Marshal(message)
	if err != nil {
		d.Fatal(err)
	}
	d.row(outbox.Row{ID: id.New("evt", time.Now()), Subject: subject, Type: bus.TypeOf(subject), Source: "authn", Time: time.Now(), Data: body})
}

// row publishes as authn's relay does.
func (d *deployment) row(row outbox.Row) {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.Context(), testbed.Patience)
	defer cancel()
	relay := bus.NewPublisher(d.authn)
	place, err := relay.Place(ctx, bus.StreamRevocations)
	if err != nil {
		d.Fatal(err)
	}
	receipt, err := relay.Publish(row, place)
	if err != nil {
		d.Fatal(err)
	}
	if _, err := receipt(ctx); err != nil {
		d.Fatal(err)
	}
}

func (d *deployment) beat() {
	d.Helper()
	d.publish("doorward.revocation.heartbeat", &eventv1.RevocationHeartbeat{DrainedAt: timestamppb.Now()})
}

func (d *deployment) revoke(sessionID string) {
	d.Helper()
	d.publish("doorward.revocation.session."+sessionID, &eventv1.Revocation{
		SessionId:   sessionID,
		RevokedAt:   timestamppb.Now(),
		ForgetAfter: timestamppb.New(time.Now().Add(time.Minute)),
	})
}

// guard makes a verifier that reads the deployment's feed as the SDK.
func (d *deployment) guard(adjust ...func(*verify.Config)) (*doorwardtest.Doorward, <-chan testbed.Arrival) {
	d.Helper()
	source, applied := testbed.Watch(d.nats.Feed())
	feed := func(c *verify.Config) {
		c.Revocations, c.MaxFeedAge, c.OnStale = source, 5*time.Second, verify.Closed
	}
	return doorwardtest.New(d, append([]func(*verify.Config){feed}, adjust...)...), applied
}

// skewed is a clock that can be put forward.
type skewed struct {
	mu   sync.Mutex
	skew time.Duration
}

func (s *skewed) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.skew)
}

func (s *skewed) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew += d
}
