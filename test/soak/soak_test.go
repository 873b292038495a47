package soak_test

import (
	"context"
	"flag"
	"testing"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/test/deployment"
	"github.com/doorward/doorward/test/load"
)

var duration = flag.Duration("duration", 4*time.Second, "how long the load lasts")

// rates are moderate: a sixth of a core for passwords.
var rates = load.Rates{load.SignUp: 0.5, load.SignIn: 4, load.NewDevice: 0.5, load.Refresh: 20, load.Revoke: 2, load.Verify: 40}

// samples are taken over the whole run, and once at its start.
const samples = 60

func TestNothingGrowsWithoutEnd(t *testing.T) {
	d := deployment.Start(t)
	watched := []*process{
		{Process: d.Authn, folder: d.Path("data/authn")},
		{Process: d.Risk, folder: d.Path("data/risk")},
		{Process: d.Notify, folder: d.Path("data/notify")},
		{Process: d.Portal},
		{Process: d.NATS, folder: d.Path("jetstream")},
	}
	g, err := load.New(t.Context(), load.Config{
		Environment: d.Environment(), Operator: authnv1.NewSessionServiceClient(d.Dial(d.Authn)), Rates: rates, Seed: 1,
	})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		g.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ran
	})

	began := time.Now()
	ticker := time.NewTicker(max(*duration/samples, 100*time.Millisecond))
	defer ticker.Stop()
	header(t)
	for time.Since(began) < *duration {
		for _, p := range watched {
			row(t, p.Name, p.take(t, time.Since(began)), g.Ledger)
		}
		select {
		case <-ticker.C:
		case <-t.Context().Done():
			t.Fatal("the test's time is over")
		}
	}
	stop()
	<-ran
	for _, p := range watched {
		p.levelsOff(t)
	}
	for _, broken := range g.Ledger.Broken() {
		t.Error(broken)
	}
	t.Logf("\n%s", g.Ledger.Table())
	must(t, g.Close())
	d.StopAll()
}
