package flow_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// probed is a world with an address that strangers probe: ada's, if it is anybody's.
type probed struct {
	*world
	*visitor
	// owner is whose address it is; nil when it is nobody's. bystander is another account's, in any case.
	owner, bystander *browser
	// befall has befall the account what the standing says, once.
	befall func()
}

// standing is what is true of the probed address.
type standing struct {
	// account makes the address somebody's, and the account what it is.
	account func(*probed)
	// around is what the operator has set and strangers have done, for the address whosever it is.
	around string
	// meanwhile befalls the account while a stranger holds an attempt.
	meanwhile func(*probed)
}

// standings are all that an account can be.
var standings = map[string]standing{
	"an account":              {account: enrolled},
	"with many devices":       {account: busy},
	"without a password":      {account: with(func(u *account.User) { u.Password = nil })},
	"locked by an operator":   {account: enrolledThen((*probed).lock)},
	"banned":                  {account: enrolledThen((*probed).ban)},
	"with a compromised mark": {account: enrolledThen((*probed).markCompromised)},
	"contained":               {account: enrolledThen((*probed).contain)},
	"imported":                {account: with(func(u *account.User) { u.Password.PHC = strings.Replace(u.Password.PHC, "m=8,t=1", "m=64,t=9", 1) })},
	"in its learning window": {account: with(func(u *account.User) {
		u.Import = &account.Import{At: u.CreatedAt, LearnUntil: u.CreatedAt.Add(7 * 24 * time.Hour)}
	})},
	"locked out by strangers":             {account: enrolled, around: "locked out"},
	"probed before a restart":             {account: enrolled, around: "restarted"},
	"on the block list":                   {account: enrolled, around: "blocked"},
	"at a disposable domain":              {account: enrolled, around: "disposable"},
	"where only the invited may sign up":  {account: enrolled, around: "invitation only"},
	"where a mailbox has one account":     {account: enrolled, around: "one per mailbox"},
	"another spelling of a taken mailbox": {account: spelledOtherwise, around: "one per mailbox"},

	"locked meanwhile":                  {account: enrolled, meanwhile: (*probed).lock},
	"banned meanwhile":                  {account: enrolled, meanwhile: (*probed).ban},
	"marked compromised meanwhile":      {account: enrolled, meanwhile: (*probed).markCompromised},
	"contained meanwhile":               {account: enrolled, meanwhile: (*probed).contain},
	"with another password meanwhile":   {account: enrolled, meanwhile: func(p *probed) { p.changeAda((*account.User).RaiseEpoch) }},
	"whose owner signs in meanwhile":    {account: enrolled, meanwhile: func(p *probed) { p.owner.enter(ada, right) }},
	"whose address is free meanwhile":   {account: enrolled, meanwhile: func(p *probed) { p.changeAda(func(u *account.User) { u.Emails[0].RemovedAt = p.clock.Now() }) }},
	"that somebody signs up meanwhile":  {meanwhile: enrolled},
	"whose owner is signing in already": {account: enrolledThen(func(p *probed) { p.owner.signIn(ada) })},
}

// arounds are what is true of the address whosever it is.
var arounds = map[string]func(*probed){
	"": func(*probed) {},
	"locked out": func(p *probed) {
		for range p.rules.LockoutWaitFrom {
			p.stranger().signIn(ada).answer(password(wrong))
		}
	},
	"restarted": func(p *probed) {
		tr := p.stranger().signUp(ada)
		tr.answer(newPassword(another))
		p.must(tr.prepare())
		p.stranger().signIn(ada).answer(password(wrong))
		p.restart()
	},
	"blocked":         func(p *probed) { p.put(restriction.Block, "example.org") },
	"disposable":      func(p *probed) { p.put(restriction.Disposable, "example.org") },
	"invitation only": func(p *probed) { p.rules.RestrictionAccessMode = restriction.InvitationOnly },
	"one per mailbox": func(p *probed) { p.rules.RestrictionSubaddresses = restriction.OnePerMailbox },
}

func enrolled(p *probed) {
	p.owner = p.laptop()
	p.owner.enrol(ada, right)
}

func enrolledThen(then func(*probed)) func(*probed) {
	return func(p *probed) { enrolled(p); then(p) }
}

func with(change func(*account.User)) func(*probed) {
	return enrolledThen(func(p *probed) { p.changeAda(change) })
}

func busy(p *probed) {
	enrolled(p)
	for range 8 {
		p.clock.advance(time.Hour)
		p.laptop().enter(ada, right)
	}
}

func spelledOtherwise(p *probed) {
	p.owner = p.laptop()
	p.owner.enrol(strings.Replace(ada, "@", "+tag@", 1), right)
}

func (p *probed) changeAda(change func(*account.User)) {
	p.t.Helper()
	user, err := p.users.Get(p.t.Context(), adas)
	p.must(err)
	p.changeUser(user.ID, change)
}

func (p *probed) lock() {
	_, err := p.users.Lock(p.t.Context(), operator, adas, 0, "asked by phone")
	p.must(err)
}

func (p *probed) ban() {
	_, _, err := p.users.Ban(p.t.Context(), operator, adas, "fraud")
	p.must(err)
}

func (p *probed) markCompromised() {
	user, err := p.users.Get(p.t.Context(), adas)
	p.must(err)
	_, err = p.users.MarkCompromised(p.t.Context(), operator, []string{user.ID}, true, "a leak")
	p.must(err)
}

// contain is what an owner's answer to an alert does to the account itself.
func (p *probed) contain() {
	p.changeAda(func(u *account.User) { u.Password.ContainedAt = p.clock.Now(); u.RaiseEpoch() })
}

// walks are the sequences of calls that somebody without the right password or code can make.
var walks = map[string]func(*probed){
	"a sign-in": func(p *probed) {
		p.startSignIn(ada)
		h := p.last()
		p.prepare(h)
		p.newPassword(h, another)
		p.code(h)
		for range p.rules.AttemptAnswers + 1 {
			p.password(h)
		}
	},
	"guesses in many sign-ins": func(p *probed) {
		for range 4 {
			p.startSignIn(ada)
			for range 3 {
				p.password(p.last())
			}
			p.clock.advance(p.rules.LockoutFirstWait)
		}
	},
	"a sign-in with a made-up device secret": func(p *probed) {
		p.client.DeviceSecret = "dvs_0123456789abcdefghijklmnopqrstuv"
		p.startSignIn(ada)
		p.password(p.last())
		p.startSignUp(ada)
		p.newPassword(p.last(), another)
	},
	"a sign-in on a device of another account": func(p *probed) {
		p.client.DeviceSecret = p.bystander.client.DeviceSecret.Reveal()
		p.startSignIn(ada)
		p.password(p.last())
		p.startSignUp(ada)
		p.newPassword(p.last(), another)
	},
	"a sign-up": func(p *probed) {
		p.startSignUp(ada)
		h := p.last()
		p.password(h)
		p.prepare(h)
		p.newPassword(h, "short")
		p.newPassword(h, "passwordpassword")
		p.newPassword(h, ada+"\u00a0!")
		p.newPassword(h, another)
		p.code(h)
		p.prepare(h)
		p.prepare(h)
		for range p.rules.AttemptAnswers {
			p.code(h)
		}
		p.prepare(h)
	},
	"codes until there are no more": func(p *probed) {
		p.startSignUp(ada)
		h := p.last()
		p.newPassword(h, another)
		for range p.rules.CodesPerHour + 2 {
			p.prepare(h)
			p.clock.advance(p.rules.CodeInterval)
		}
		p.code(h)
	},
	"codes until all together have no more": func(p *probed) {
		p.rules.CodesPerDeploymentHour, p.rules.CodesPerNetworkDay = 20, 1000
		p.startSignUp(ada)
		h := p.last()
		p.newPassword(h, another)
		ask := func(ip string) {
			p.client.Ip = ip
			p.prepare(h)
			p.clock.advance(p.rules.CodeInterval)
		}
		for n := range 4 {
			ask(fmt.Sprintf("2001:db8:1:%x::1", n)) // the third is more than a /48 may have
		}
		for n := range 4 {
			ask(fmt.Sprintf("2001:db8:%x::1", 2+n)) // the last is more than a /32 may have
		}
		p.throng(0, 8)
		ask(far(100)) // past half
		p.throng(8, 7)
		ask(far(101)) // none is left
	},
	"wrong codes of many sign-ups": func(p *probed) {
		for range 3 {
			p.startSignUp(ada)
			h := p.last()
			p.newPassword(h, another)
			p.prepare(h)
			for range 3 {
				p.code(h)
			}
		}
	},
	"more sign-ins than are kept": func(p *probed) {
		p.rules.AttemptsPerIdentifier = 3
		for range 5 {
			p.startSignIn(ada)
			p.clock.advance(time.Second)
			p.startSignUp(ada)
			p.clock.advance(time.Second)
		}
		for _, h := range p.held {
			p.password(h)
		}
	},
	"faster than the rates": func(p *probed) {
		p.paced()
		for range 7 {
			p.startSignIn(ada)
			p.startSignUp(ada)
		}
		for range 5 {
			p.password(p.held[0])
			p.newPassword(p.last(), another)
		}
	},
	"where proofs of work are asked for": func(p *probed) {
		p.rules.ChallengeSignUp, p.rules.ChallengeAfterFailures = tuning.ChallengeAlways, 2
		p.startSignUp(ada)
		p.startSignIn(ada)
		for range 4 {
			p.password(p.last())
		}
	},
	"past a challenge": func(p *probed) { p.gated(flow.GateChallenge) },
	"past a block":     func(p *probed) { p.gated(flow.GateBlock) },
	"while risk is down": func(p *probed) {
		p.startSignUp(ada)
		p.risk.answers(func(flow.Question) (flow.Judgement, error) { return flow.Judgement{}, errors.New("down") })
		p.newPassword(p.last(), another)
		p.startSignUp(ada)
		p.startSignIn(ada)
		p.password(p.last())
	},
	"while a source of breached passwords is away": func(p *probed) {
		p.rules.BreachMode, p.rules.BreachUnknownRefusesSignIn = breach.CorpusOnly, true // and there is no corpus
		p.startSignIn(ada)
		in := p.last()
		p.startSignUp(ada)
		for range 2 {
			p.password(in)
			p.newPassword(p.last(), another)
		}
		p.rules.BreachMode = breach.ListOnly
		p.password(in)
		p.newPassword(p.last(), another)
	},
	"while all workers are busy": func(p *probed) {
		p.startSignIn(ada)
		in := p.last()
		p.startSignUp(ada)
		for range 1000 {
			ticket, err := p.deps.Pool.Begin(credential.Stranger)
			if err != nil {
				break
			}
			defer ticket.Release()
		}
		p.password(in)
		p.newPassword(p.last(), another)
	},
	"too late": func(p *probed) {
		p.startSignIn(ada)
		in := p.last()
		p.startSignUp(ada)
		p.clock.advance(p.rules.AttemptLifetime)
		p.password(in)
		p.newPassword(p.last(), another)
		p.prepare(p.last())
	},
	"in another browser": func(p *probed) {
		p.startSignIn(ada)
		p.client.UserAgent = firefox
		p.password(p.last())
		p.prepare(p.last())
	},
	"while something befalls the account": func(p *probed) {
		p.startSignIn(ada)
		in := p.last()
		p.startSignUp(ada)
		up := p.last()
		p.password(in)
		p.newPassword(up, another)
		p.prepare(up)
		p.clock.advance(p.rules.CodeInterval) // that a code was sent to the address a moment ago is told, whoever asked for it
		p.befall()
		p.prepare(in)
		p.password(in)
		p.clock.advance(p.rules.CodeInterval)
		p.prepare(up)
		p.code(up)
		p.startSignIn(ada)
		p.password(p.last())
	},
}

// gated has risk close its gate while attempts are under way.
func (p *probed) gated(gate flow.Gate) {
	p.startSignIn(ada)
	in := p.last()
	p.startSignUp(ada)
	up := p.last()
	p.risk.answers(says(gate, attempt.Allow))
	p.password(in)
	p.newPassword(up, another)
	p.startSignUp(ada)
	p.startSignIn(ada)
	p.password(p.last())
}

// probe walks through a world where the address is somebody's, or nobody's, and says what a stranger saw and what it cost.
func probe(t *testing.T, s standing, walk func(*probed), somebodys bool) []sighting {
	t.Helper()
	p := &probed{world: newWorldIn(t, inMemory(t), 4), befall: func() {}}
	p.bystander = p.laptop()
	p.bystander.enrol("bob@example.org", right)
	began := p.clock.Now()
	if somebodys {
		if s.account != nil {
			s.account(p)
		}
		if s.meanwhile != nil {
			p.befall = func() { s.meanwhile(p) }
		}
	}
	p.clock.advance(began.Add(48 * time.Hour).Sub(p.clock.Now())) // the account's making has left no trace in any budget
	arounds[s.around](p)
	p.visitor = p.world.visitor()
	walk(p)
	return p.saw
}

// TestAStrangerCantTellWhetherThereIsAnAccount: whatever an account is, and in whatever order somebody without the right password or code calls, the
// answers are those for an address that belongs to nobody, to the byte, and cost the same: hashes, transactions, what is read and written in them, rows in
// the outbox and their sizes, and what risk's gate is asked. Time is what these take; docs/enumeration.md says what else there is to it.
func TestAStrangerCantTellWhetherThereIsAnAccount(t *testing.T) {
	nobodys := map[string][]sighting{} // by what is around, and walk
	for name, s := range standings {
		t.Run(name, func(t *testing.T) {
			for route, walk := range walks {
				t.Run(route, func(t *testing.T) {
					key := s.around + "/" + route
					if _, walked := nobodys[key]; !walked {
						nobodys[key] = probe(t, s, walk, false)
					}
					if diff := cmp.Diff(nobodys[key], probe(t, s, walk, true), protocmp.Transform()); diff != "" {
						t.Errorf("what is seen and spent (-nobody's +somebody's):\n%s", diff)
					}
				})
			}
		})
	}
}
