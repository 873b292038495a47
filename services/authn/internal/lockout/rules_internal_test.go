package lockout

import (
	"testing"
	"time"
)

func TestWaitsDoubleUpToTheLock(t *testing.T) {
	hour := Rules{WaitFrom: 5, FirstWait: time.Minute, LockAt: 10, Lock: time.Hour, Decay: 24 * time.Hour}
	brief := hour
	brief.Lock = 3 * time.Minute
	for _, c := range []struct {
		rules          Rules
		row            int
		stranger, know time.Duration
	}{
		{hour, 0, 0, 0},
		{hour, 4, 0, 0},
		{hour, 5, time.Minute, time.Minute},
		{hour, 6, 2 * time.Minute, 2 * time.Minute},
		{hour, 9, 16 * time.Minute, 16 * time.Minute},
		{hour, 10, time.Hour, 16 * time.Minute},
		{hour, 100, time.Hour, 16 * time.Minute},
		{brief, 7, 3 * time.Minute, 4 * time.Minute},
		{brief, 10, 3 * time.Minute, 16 * time.Minute},
	} {
		if got := c.rules.wait(Strangers, c.row); got != c.stranger {
			t.Errorf("after %d failures strangers wait %v, want %v", c.row, got, c.stranger)
		}
		if got := c.rules.wait(Known, c.row); got != c.know {
			t.Errorf("after %d failures known devices wait %v, want %v", c.row, got, c.know)
		}
	}
}
