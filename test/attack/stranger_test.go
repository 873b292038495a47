package attack_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	doorward "github.com/doorward/doorward/sdk"
)

const (
	// browser is everybody's, so that nothing but the address tells strangers apart.
	browser = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
	// wrong is nobody's password.
	wrong = "none of them has this one"
)

// addresses hands out each address of 198.18.0.0/15 once, the network that RFC 2544 keeps for tests.
type addresses struct{ used *atomic.Uint32 }

func newAddresses() addresses { return addresses{used: new(atomic.Uint32)} }

// next is a stranger nobody has seen.
func (a addresses) next() doorward.From {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], 198<<24|18<<16|a.used.Add(1)%(1<<17))
	return doorward.From{IP: netip.AddrFrom4(ip), UserAgent: browser, Language: "en"}
}

// sameProvider is a stranger with a /48 of IPv6 like no other, all of them in one /32.
func sameProvider(n int) doorward.From {
	ip := [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 1}
	binary.BigEndian.PutUint16(ip[4:], uint16(n))
	return doorward.From{IP: netip.AddrFrom16(ip), UserAgent: browser, Language: "en"}
}

// otherProvider is a stranger with a /32 like no other, of 3fff::/20, which RFC 9637 keeps for documentation.
func otherProvider(n int) doorward.From {
	ip := [16]byte{0x3f, 0xff, 15: 1}
	binary.BigEndian.PutUint16(ip[2:], uint16(n)%(1<<12))
	return doorward.From{IP: netip.AddrFrom16(ip), UserAgent: browser, Language: "en"}
}

// tally counts what a crowd was answered.
type tally struct {
	mu      sync.Mutex
	answers map[string]int
	granted int
}

// What strangers hear who get somewhere.
const (
	wrongAnswer = "OUTCOME_WRONG" // somebody looked
	mailed      = "MAILED"        // a code is on its way
)

func (c *tally) add(a *doorward.Attempt, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers == nil {
		c.answers = make(map[string]int)
	}
	c.answers[answer(a, err)]++
	if a != nil {
		if _, in := a.Grant(); in {
			c.granted++
		}
	}
}

func answer(a *doorward.Attempt, err error) string {
	if reason, ok := doorward.ReasonOf(err); ok {
		return reason.String()
	}
	if err != nil {
		return "no answer"
	}
	switch last := a.LastAnswer().Outcome; last {
	case doorward.NoAnswer:
		return mailed
	case doorward.Accepted:
		return a.Next().String()
	default:
		return last.String()
	}
}

func (c *tally) of(answer string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answers[answer]
}

// String lists the answers, without the prefixes of their enums.
func (c *tally) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(c.answers)) {
		parts = append(parts, fmt.Sprintf("%d %s", c.answers[what], shorter.Replace(what)))
	}
	return strings.Join(parts, ", ")
}

var shorter = strings.NewReplacer("REASON_", "", "OUTCOME_", "", "STEP_", "")

// try gives one password for one address, as soon as the hash pool takes it. The attempt is nil where none began.
func (s *suite) try(ctx context.Context, email, password string, from doorward.From) (*doorward.Attempt, error) {
	return s.tryWith(ctx, s.client, email, password, from)
}

func (s *suite) tryWith(ctx context.Context, client *doorward.Client, email, password string, from doorward.From) (*doorward.Attempt, error) {
	a, err := client.SignIn(ctx, email, from)
	if err != nil {
		return nil, err
	}
	return a, patiently(ctx, func() error { return a.Password(ctx, password) })
}

// besiege has strangers call again and again, at most so many at once, the calls evenly spread over a time; all at once when it is 0. Those that it had to leave
// out because the others weren't answered yet come later: it returns when all are done, or the context is.
func besiege(ctx context.Context, calls, atOnce int, over time.Duration, call func(ctx context.Context, n int)) {
	began := time.Now()
	var next atomic.Int64
	var running sync.WaitGroup
	for range atOnce {
		running.Go(func() {
			for n := int(next.Add(1)) - 1; n < calls && wait(ctx, time.Until(began.Add(over*time.Duration(n)/time.Duration(calls)))); n = int(next.Add(1)) - 1 {
				call(ctx, n)
			}
		})
	}
	running.Wait()
}

// wait is false when the context ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
