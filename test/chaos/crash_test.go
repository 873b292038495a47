package chaos_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync"
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

// TestNothingAcknowledgedIsLost kills the services and NATS, each a process of its own, at random moments under load.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	d := deployment.Start(t)
	s := newStory(t, d, d.Notify)
	s.victims = []*deployment.Process{d.Authn, d.Authn, d.Authn, d.Notify, d.Notify, d.Notify, d.NATS, d.NATS, d.Risk}
	s.play(*killCount)
}

// TestNothingIsLostWhenAllDiesAtOnce kills `doorward serve`, which is all of them in one process.
func TestNothingIsLostWhenAllDiesAtOnce(t *testing.T) {
	d := deployment.StartServe(t)
	s := newStory(t, d, d.Suite)
	s.victims = []*deployment.Process{d.Suite}
	s.play(max(1, *killCount/2))
}

// story is a suite under load whose processes die.
type story struct {
	killer
	load  *load.Generator
	seed  uint64
	began time.Time
}

// newStory takes over a suite that runs. sender is the process that sends the mails: its mail server is made slow.
func newStory(t *testing.T, d *deployment.Deployment, sender *deployment.Process) *story {
	t.Helper()
	s := &story{seed: *seedFlag, began: time.Now()}
	if s.seed == 0 {
		s.seed = uint64(s.began.UnixNano())
	}
	t.Logf("seed %d", s.seed)
	s.killer = killer{T: t, d: d, sender: sender, random: rand.New(rand.NewPCG(s.seed, 2))}
	s.slowMail()
	var err error
	s.load, err = load.New(t.Context(), load.Config{
		Environment: d.Environment(), Operator: authnv1.NewSessionServiceClient(d.Dial(d.Authn)), Rates: rates, Seed: s.seed,
	})
	must(t, err)
	return s
}

// slowMail puts a mail server between that takes a while for each answer, as they do, so that notify dies before it hears one.
func (s *story) slowMail() {
	s.Helper()
	const most = 200 * time.Millisecond
	way := testbed.StartProxy(s, s.d.Inbox.Address)
	way.Delay(func() time.Duration { return rand.N(most) })
	s.sender.Args = append(s.sender.Args, "--set", "smtp.address="+way.Addr())
	s.d.Restart(s.sender)
}

// play kills under load, lets what is under way arrive, and looks for what was lost.
func (s *story) play(kills int) {
	s.Helper()
	s.underLoad(func() {
		deployment.Eventually(s, "there are people to lose", func() bool { return len(s.load.Ledger.Users()) >= crowd })
		for len(s.kills) < kills {
			s.strike()
			s.Logf("%3d of %d kills in %v, %d sessions, %d broken promises",
				len(s.kills), kills, time.Since(s.began).Round(time.Second), len(s.load.Ledger.Sessions()), len(s.load.Ledger.Broken()))
		}
	})
	figures, faults := s.settle()
	faults = append(faults, reconcile.Enforce(s.Context(), s.load.Client(), s.load.Ledger)...)
	must(s.T, s.load.Close())
	s.d.StopAll()
	for _, fault := range faults {
		s.Error(fault.Text)
	}
	for _, broken := range s.load.Ledger.Broken() {
		s.Error(broken)
	}
	s.tell(figures, len(faults)+len(s.load.Ledger.Broken()))
}

// underLoad runs something, and ends the load with it, however it ends.
func (s *story) underLoad(something func()) {
	ctx, stop := context.WithCancel(s.Context())
	var running sync.WaitGroup
	running.Go(func() { s.load.Run(ctx) })
	defer running.Wait()
	defer stop()
	something()
}

// settle waits until what is on its way has arrived, and tells what is missing.
func (s *story) settle() (reconcile.Figures, reconcile.Faults) {
	s.Helper()
	faults, figures := reconcile.Settle(s, reconcile.Suite{
		Sessions:    authnv1.NewSessionServiceClient(s.d.Dial(s.d.Authn)),
		Deliveries:  notifyv1.NewDeliveryServiceClient(s.d.Dial(s.d.Notify)),
		DeadLetters: operatorv1.NewDeadLetterServiceClient(s.d.Dial(s.d.Notify)),
		NATSURL:     s.d.Environment()["DOORWARD_NATS_URL"],
		NATSKeys:    s.d.Path("nats"),
	}, s.load, s.interrupted)
	return figures, faults
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
