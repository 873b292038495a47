package chaos_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/test/deployment"
	"github.com/doorward/doorward/test/load"
	"github.com/doorward/doorward/test/reconcile"
	"github.com/doorward/doorward/test/testbed"
)

var (
	killCount = flag.Int("kills", 4, "how many processes are killed")
	seedFlag  = flag.Uint64("seed", 0, "what the choices are made from; 0 takes another each time")
)

// rates are what two cores bear beside processes that start again and again: four passwords a second are a tenth of one core.
var rates = load.Rates{load.SignUp: 1.2, load.SignIn: 2, load.NewDevice: 1, load.Refresh: 10, load.Revoke: 2, load.Verify: 20}

// crowd is how many have an account before the first kill.
const crowd = 5

// settling bounds how long what is on its way may take to arrive. An alert that failed thrice, because authn was dead each time, waits for minutes.
const settling = 8 * time.Minute

// TestNothingAcknowledgedIsLost kills processes at random moments under load.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	began := time.Now()
	d := deployment.Start(t)
	slowMail(t, d)
	g := newLoad(t, d, seed)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		g.Run(ctx)
	}()
	t.Cleanup(func() { // before the deployment goes, however this ends
		stop()
		<-ran
	})
	deployment.Eventually(t, "there are people to lose", func() bool { return len(g.Ledger.Users()) >= crowd })

	k := newKiller(t, d, seed)
	for len(k.kills) < *killCount {
		k.strike()
		t.Logf("%3d kills in %v, %d sessions, %d broken promises", len(k.kills), time.Since(began).Round(time.Second), len(g.Ledger.Sessions()), len(g.Ledger.Broken()))
	}
	stop()
	<-ran
	t.Logf("the load has ended after %v", time.Since(began).Round(time.Second))

	figures, faults := settle(t, d, g, k)
	faults = append(faults, reconcile.Enforce(t.Context(), g.Client(), g.Ledger)...)
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	d.StopAll()
	for _, fault := range faults {
		t.Error(fault.Text)
	}
	for _, broken := range g.Ledger.Broken() {
		t.Error(broken)
	}
	tell(t, fmt.Sprintf("seed %d, %v in all, %d faults", seed, time.Since(began).Round(time.Second), len(faults)+len(g.Ledger.Broken())), g.Ledger, k, figures)
}

// slowMail puts a mail server between that takes a while for each answer, as they do, so that notify dies before it hears one.
func slowMail(t *testing.T, d *deployment.Deployment) {
	t.Helper()
	const most = 200 * time.Millisecond
	way := testbed.StartProxy(t, d.Inbox.Address)
	way.Delay(func() time.Duration { return rand.N(most) })
	d.Notify.Args = append(d.Notify.Args, "--set", "smtp.address="+way.Addr())
	d.Restart(d.Notify)
}

func newLoad(t *testing.T, d *deployment.Deployment, seed uint64) *load.Generator {
	t.Helper()
	g, err := load.New(t.Context(), load.Config{
		Environment: d.Environment(), Operator: authnv1.NewSessionServiceClient(d.Dial(d.Authn)), Rates: rates, Seed: seed,
	})
	must(t, err)
	return g
}

// settle compares again and again, until nothing is missing or what is missing isn't coming.
func settle(t *testing.T, d *deployment.Deployment, g *load.Generator, k *killer) (reconcile.Figures, reconcile.Faults) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), settling)
	defer cancel()
	began := time.Now()
	evidence, err := reconcile.Gather(ctx, reconcile.Suite{
		Sessions:    authnv1.NewSessionServiceClient(d.Dial(d.Authn)),
		Deliveries:  notifyv1.NewDeliveryServiceClient(d.Dial(d.Notify)),
		DeadLetters: operatorv1.NewDeadLetterServiceClient(d.Dial(d.Notify)),
		NATSURL:     d.Environment()["DOORWARD_NATS_URL"],
		NATSKeys:    d.Path("nats"),
	}, g.Ledger, k.interrupted)
	must(t, err)
	for awaited := 0; ; {
		// The deliveries before the mails: what was accepted has arrived.
		must(t, evidence.Follow(ctx))
		must(t, g.Collect(ctx))
		faults, figures := evidence.Compare(g.Mails())
		if !faults.Wait() || time.Since(began) > settling-time.Minute {
			t.Logf("settled after %v", time.Since(began).Round(time.Second))
			return figures, faults
		}
		if len(faults) != awaited {
			awaited = len(faults)
			t.Logf("%d things aren't as they should be yet, such as: %s", awaited, faults[0].Text)
		}
		pause(t, time.Second)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
