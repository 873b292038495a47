package load

import (
	"math/rand/v2"
	"time"
)

// behind bounds what is made up for after a pause: a machine that was busy for a minute isn't flooded.
const behind = 2 * time.Second

// pace says when operations of each kind are due: evenly on average, shuffled in between. It belongs to one goroutine.
type pace struct {
	rates  Rates
	random *rand.Rand
	last   time.Time
	owed   map[Kind]float64
}

func newPace(rates Rates, random *rand.Rand) *pace {
	return &pace{rates: rates, random: random, owed: make(map[Kind]float64)}
}

// due lists the operations that are to begin now.
func (p *pace) due(now time.Time) []Kind {
	if p.last.IsZero() {
		p.last = now
	}
	passed := min(now.Sub(p.last), behind).Seconds()
	p.last = now
	var due []Kind
	for _, kind := range Kinds() {
		// Each is owed a random share, so that the kinds don't go in step.
		p.owed[kind] += p.rates[kind] * passed * 2 * p.random.Float64()
		for ; p.owed[kind] >= 1; p.owed[kind]-- {
			due = append(due, kind)
		}
	}
	p.random.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	return due
}
