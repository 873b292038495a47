package attack_test

import (
	"context"
	"flag"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/test/deployment"
)

var scale = flag.Int("scale", 1, "how much larger than in make test the crowds are, and how much longer the attacks last, within bounds")

const (
	// smallCrowd is how many addresses, or accounts, an attack has where scale is 1.
	smallCrowd = 40
	// leastWork is the easiest challenge that there is, in hashes.
	leastWork = 1000
	// answering is the deadline of one call.
	answering = 10 * time.Second
)

func crowd() int { return smallCrowd * *scale }

// hashed is how large a crowd is of which each costs a hash: at scale 1 the machine shall have time for others.
func hashed() int {
	if large() {
		return crowd()
	}
	return 12
}

// large says whether the machine is meant to have nothing else to do.
func large() bool { return *scale > 1 }

// lasting is how long an attack lasts that takes some time at scale 1, and most at any.
func lasting(small, most time.Duration) time.Duration { return min(small*time.Duration(*scale), most) }

// TestAttacks plays one attack after the other on one suite. Each has accounts and addresses of its own, so that none pays for another.
func TestAttacks(t *testing.T) {
	s := newSuite(t)
	for _, attack := range []struct {
		promise string
		play    func(*testing.T, *suite)
	}{
		{"ADeploymentMailsStrangersNoMoreCodesThanItsHour", bombingAll}, // the first: those of others count too
		{"GuessesAtOneAccountAreAsManyAsTheLockoutAllows", guessing},
		{"APasswordSprayedFromOneAddressIsTriedOnThirtyAccounts", sprayingFromOne},
		{"APasswordSprayedFromManyAddressesLetsNobodyIn", sprayingFromMany},
		{"StuffedPasswordsThatAreRightGiveNoSessionAndAreTold", stuffing},
		{"StrangersWhoFailKeepNoOwnerOut", denying},
		{"AFloodOfStrangersLeavesOwnersAndVerifiersTheirTime", flooding},
		{"BotsThatSolveNoChallengeSignNobodyUp", signingUpIdly},
		{"AMailboxGetsNoMoreMailsThanItsQuota", bombing},
		{"ANetworkHasNoMoreMailsSentThanItsQuota", bombingFromOne},
		{"NoEntranceTellsWhetherAnAddressHasAnAccount", enumerating},
	} {
		t.Run(attack.promise, func(t *testing.T) { attack.play(t, s) })
	}
}

// suite is what is attacked, as an application sees it.
type suite struct {
	*deployment.Deployment
	client   *doorward.Client // solves what it is asked to
	idle     *doorward.Client // solves nothing
	sessions authnv1.SessionServiceClient
	policies authnv1.PolicyServiceClient
	crowd    addresses
}

func newSuite(t *testing.T) *suite {
	t.Helper()
	d := deployment.StartServe(t)
	env := d.Environment()
	client := func(solves bool) *doorward.Client {
		c, err := doorward.New(doorward.Config{
			Address: env["DOORWARD_ADDRESS"], APIKey: doorward.SecretOf(d.ApplicationKey), CAFile: env["DOORWARD_CA"],
			ServerName: env["DOORWARD_SERVER_NAME"], Timeout: answering, SolveChallenges: solves,
		})
		must(t, err)
		t.Cleanup(func() { must(t, c.Close()) })
		return c
	}
	s := &suite{
		Deployment: d,
		client:     client(true),
		idle:       client(false),
		policies:   authnv1.NewPolicyServiceClient(d.Dial(d.Authn)),
		crowd:      newAddresses(),
	}
	s.sessions = authnv1.NewSessionServiceClient(s.client.Conn())
	s.tune(t, func(p *authnv1.Policy) { p.ChallengeDifficulty = leastWork }) // the strangers' processors are this machine's too
	return s
}

// unpace puts the rates of accounts, and the time between two codes, out of the way of what must hold without them.
func (s *suite) unpace(t *testing.T) {
	t.Helper()
	s.tune(t, func(p *authnv1.Policy) {
		p.RateIdentifierStarts, p.RateIdentifierAnswers = 1000, 1000
		p.CodeInterval = durationpb.New(0)
	})
}

// tune changes authn's policy until the test ends.
func (s *suite) tune(t *testing.T, change func(*authnv1.Policy)) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var before *authnv1.Policy
	s.setPolicy(ctx, t, func(now *authnv1.Policy) *authnv1.Policy {
		before = proto.CloneOf(now)
		change(now)
		return now
	})
	t.Cleanup(func() { s.setPolicy(ctx, t, func(*authnv1.Policy) *authnv1.Policy { return before }) })
}

func (s *suite) setPolicy(ctx context.Context, t *testing.T, next func(*authnv1.Policy) *authnv1.Policy) {
	t.Helper()
	current, err := s.policies.GetPolicy(ctx, &authnv1.GetPolicyRequest{})
	must(t, err)
	_, err = s.policies.UpdatePolicy(ctx, &authnv1.UpdatePolicyRequest{Policy: next(current.GetPolicy()), ExpectedVersion: current.GetVersion()})
	must(t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
