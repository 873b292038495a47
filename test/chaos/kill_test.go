package chaos_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/doorward/doorward/test/deployment"
)

// The pauses between two kills, and how long who was killed stays dead. A crash loop's third start is as interesting as the first.
const (
	leastCalm, mostCalm = 200 * time.Millisecond, 2500 * time.Millisecond
	mostDead            = 800 * time.Millisecond
	mostBeforeRelapse   = 400 * time.Millisecond
)

// kill is one that happened.
type kill struct {
	victim string
	at     time.Time
}

// killer kills processes.
type killer struct {
	*testing.T
	d *deployment.Deployment
	// sender is the process that sends mails.
	sender *deployment.Process
	random *rand.Rand
	// victims are as likely as they are often in it.
	victims []*deployment.Process
	kills   []kill
}

// strike leaves the suite alone for a while, kills one, and has it back. One in five is killed again while it starts, and at one in five another
// dies while it is dead.
func (k *killer) strike() {
	k.Helper()
	pause(k.T, leastCalm+k.upTo(mostCalm-leastCalm))
	dead := []*deployment.Process{k.victim()}
	k.kill(dead[0])
	pause(k.T, k.upTo(mostDead))
	switch other := k.victim(); k.random.IntN(5) {
	case 0:
		dead[0].Start()
		pause(k.T, k.upTo(mostBeforeRelapse))
		k.kill(dead[0])
	case 1:
		if other != dead[0] {
			k.kill(other)
			dead = append(dead, other)
		}
	}
	k.d.Begin(dead...)
}

func (k *killer) victim() *deployment.Process { return k.victims[k.random.IntN(len(k.victims))] }

func (k *killer) kill(victim *deployment.Process) {
	k.Helper()
	victim.Kill()
	k.kills = append(k.kills, kill{victim: victim.Name, at: time.Now()})
	k.Logf("%s killed", victim.Name)
}

func (k *killer) upTo(most time.Duration) time.Duration {
	return time.Duration(k.random.Int64N(int64(most)))
}

// interrupted says whether the sender was killed within a span.
func (k *killer) interrupted(from, to time.Time) bool {
	for _, one := range k.kills {
		if one.victim == k.sender.Name && !one.at.Before(from) && !one.at.After(to) {
			return true
		}
	}
	return false
}

// counts are the kills by victim.
func (k *killer) counts() map[string]int {
	counts := make(map[string]int)
	for _, one := range k.kills {
		counts[one.victim]++
	}
	return counts
}

// pause lets the suite go on for a while.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
		t.Fatal("the test's time is over")
	}
}
