package load_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/test/deployment"
	"github.com/doorward/doorward/test/load"
)

func TestMain(m *testing.M) { deployment.Main(m) }

// TestLoadIsAcknowledged: on a suite that nothing happens to, every kind of operation comes to pass, and none is contradicted.
func TestLoadIsAcknowledged(t *testing.T) {
	d := deployment.Start(t)
	const shortest = 10 * time.Second // so that new devices come to pass while the test waits
	policies := authnv1.NewPolicyServiceClient(d.Dial(d.Authn))
	current, err := policies.GetPolicy(t.Context(), &authnv1.GetPolicyRequest{})
	if err != nil {
		t.Fatal(err)
	}
	current.GetPolicy().CodeInterval = durationpb.New(shortest)
	if _, err := policies.UpdatePolicy(t.Context(), &authnv1.UpdatePolicyRequest{Policy: current.GetPolicy(), ExpectedVersion: current.GetVersion()}); err != nil {
		t.Fatal(err)
	}
	g, err := load.New(t.Context(), load.Config{
		Environment: d.Environment(),
		Operator:    authnv1.NewSessionServiceClient(d.Dial(d.Authn)),
		Rates:       load.Rates{load.SignUp: 2, load.SignIn: 1, load.NewDevice: 1, load.Refresh: 4, load.Revoke: 1, load.Verify: 10},
		Seed:        1,

		BetweenCodes: shortest + time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		g.Run(ctx)
	}()
	deployment.Eventually(t, "each kind comes to pass", func() bool {
		return !slices.ContainsFunc(load.Kinds(), func(kind load.Kind) bool { return g.Ledger.Count(kind, load.Acknowledged) == 0 })
	})
	cancel()
	<-ran
	t.Log("\n" + g.Ledger.Table())
	for _, broken := range g.Ledger.Broken() {
		t.Error(broken)
	}
	for _, lost := range g.Ledger.Losses() { // as on a machine that is busy with other things
		t.Logf("a %s of %s was %s: %s", lost.Kind, lost.Email, lost.Outcome, lost.Err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	d.StopAll()
}
