package load

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	doorward "github.com/doorward/doorward/sdk"
)

// Bounds on what a person keeps in use. What goes out of use stays as it is, and in the ledger.
const (
	maxBrowsers = 3
	maxSessions = 4 // per browser
	// maxCodes is how many codes a person asks for in an hour; authn mails ten.
	maxCodes = 8
)

// person has an account, a place and browsers. Whoever took one has it alone.
type person struct {
	user     User
	place    doorward.From
	browsers []*browser
	codes    []time.Time // when codes were asked for
}

// browser holds a device's secret, in from, and sessions.
type browser struct {
	from     doorward.From
	sessions []*held
}

// held is a session with the token that its application uses.
type held struct {
	id      string
	token   doorward.Secret
	expires time.Time
	refresh doorward.Secret
}

func (p *person) known() bool { return len(p.browsers) > 0 }

func (p *person) signedIn() bool {
	return slices.ContainsFunc(p.browsers, func(b *browser) bool { return len(b.sessions) > 0 })
}

// mayBeMailed says whether authn would mail the person another code.
func (g *Generator) mayBeMailed(p *person) bool {
	p.codes = slices.DeleteFunc(p.codes, func(at time.Time) bool { return time.Since(at) > time.Hour })
	last := len(p.codes) - 1
	return last < 0 || len(p.codes) < maxCodes && time.Since(p.codes[last]) > g.cfg.BetweenCodes
}

// drop has the browser used no more.
func (p *person) drop(b *browser) {
	p.browsers = slices.DeleteFunc(p.browsers, func(other *browser) bool { return other == b })
}

func (b *browser) drop(s *held) {
	b.sessions = slices.DeleteFunc(b.sessions, func(other *held) bool { return other == s })
}

// use puts a session into the browser, and its new secret. It returns those that are out of use from now on.
func (b *browser) use(grant doorward.Grant) (out []*held) {
	b.from = b.from.WithDevice(grant.DeviceSecret)
	b.sessions = append(b.sessions, &held{
		id: grant.SessionID, token: grant.SessionToken, expires: grant.SessionTokenExpiresAt, refresh: grant.RefreshToken,
	})
	over := max(0, len(b.sessions)-maxSessions)
	out, b.sessions = b.sessions[:over], b.sessions[over:]
	return out
}

// people are those who take part.
type people struct {
	mu     sync.Mutex
	most   int
	random *rand.Rand
	all    []*person
	busy   map[*person]bool
}

func newPeople(most int, seed uint64) *people {
	return &people{
		most:   most,
		random: rand.New(rand.NewPCG(seed, 1)),
		busy:   make(map[*person]bool),
	}
}

// add lets one more take part, in the place of the first of them when they are too many.
func (p *people) add(one *person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, one)
	p.all = p.all[max(0, len(p.all)-p.most):]
}

// take finds one who isn't busy and is good for something, from a random place on.
func (p *people) take(good func(*person) bool) (*person, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.all) == 0 {
		return nil, false
	}
	first := p.random.IntN(len(p.all))
	for i := range p.all {
		if one := p.all[(first+i)%len(p.all)]; !p.busy[one] && good(one) {
			p.busy[one] = true
			return one, true
		}
	}
	return nil, false
}

func (p *people) release(one *person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.busy, one)
}

// pick is one of several, by chance.
func pick[T any](p *people, from []T) T {
	p.mu.Lock()
	defer p.mu.Unlock()
	return from[p.random.IntN(len(from))]
}
