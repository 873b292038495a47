package verify

import (
	"testing"
	"time"
)

func TestHeartbeatsAreDatedByWhatIsNews(t *testing.T) {
	start := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	type step struct {
		now, drained time.Duration // since the start
		first        bool
		at           time.Duration
		is           beat
	}
	const s = time.Second
	for name, steps := range map[string][]step{
		"kept, then live":                         {{20 * s, 0, true, 0, beatNew}, {21 * s, 21 * s, false, 21 * s, beatNew}},
		"the kept one is read again":              {{s, 0, true, 0, beatNew}, {2 * s, 0, true, 0, beatKnown}, {3 * s, 3 * s, false, 3 * s, beatNew}},
		"copies, all from the start on":           {{0, 0, true, 0, beatNew}, {s, 0, false, 0, beatKnown}, {time.Hour, 0, false, 0, beatKnown}},
		"authn's clock is behind":                 {{0, -20 * s, true, -20 * s, beatNew}, {s, -19 * s, false, s, beatNew}},
		"authn's clock is ahead":                  {{0, 20 * s, true, 0, beatNew}, {s, 21 * s, false, s, beatNew}},
		"authn's clock is too far behind":         {{0, -time.Hour, true, -time.Hour, beatNew}, {s, s - time.Hour, false, s - time.Hour, beatNew}},
		"authn's clock is too far ahead":          {{0, 31 * s, true, 0, beatRefused}, {s, 31 * s, true, s, beatNew}},
		"authn's clock goes back and comes again": {{0, 10 * s, true, 0, beatNew}, {s, s, false, 0, beatRefused}, {11 * s, 11 * s, false, 11 * s, beatNew}},
		"an old one, after a newer":               {{0, 0, true, 0, beatNew}, {s, -s, false, 0, beatRefused}, {2 * s, -2 * s, true, 0, beatRefused}},
		"our clock goes back":                     {{time.Hour, time.Hour, true, time.Hour, beatNew}, {0, time.Hour, false, 0, beatRefused}, {s, s, false, s, beatNew}},
		"held up on the way":                      {{0, 0, true, 0, beatNew}, {60 * s, 20 * s, false, 20 * s, beatNew}},
	} {
		t.Run(name, func(t *testing.T) {
			var p pulse
			for i, step := range steps {
				at, is := p.take(start.Add(step.drained), start.Add(step.now), step.first)
				if is != step.is || is == beatNew && !at.Equal(start.Add(step.at)) {
					t.Errorf("step %d: %v at %v, want %v at %v", i, is, at.Sub(start), step.is, step.at)
				}
			}
		})
	}
}
