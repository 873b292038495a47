package telemetry_test

import (
	"testing"
	"time"

	"github.com/doorward/doorward/internal/telemetry"
)

func TestWhatHappensOftenGetsALineASecondThatSaysHowOften(t *testing.T) {
	now := time.Date(2026, time.November, 26, 12, 0, 0, 0, time.UTC)
	s := telemetry.NewSparing(func() time.Time { return now })
	told := func(times int) (lines, counted int64) {
		for range times {
			if n, tell := s.Happened(); tell {
				lines++
				counted += n
			}
		}
		return lines, counted
	}
	if lines, counted := told(1000); lines != 1 || counted != 1 {
		t.Errorf("at once: %d lines of %d, want one of the first", lines, counted)
	}
	now = now.Add(time.Second)
	if lines, counted := told(10); lines != 1 || counted != 1000 {
		t.Errorf("a second later: %d lines of %d, want one of those that had none and this one", lines, counted)
	}
	now = now.Add(-time.Hour)
	if lines, counted := told(10); lines != 1 || counted != 10 {
		t.Errorf("after the clock was set back: %d lines of %d, want one of those that had none and this one", lines, counted)
	}
}
