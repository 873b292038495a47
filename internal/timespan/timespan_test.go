package timespan_test

import (
	"testing"
	"time"

	"github.com/doorward/doorward/internal/timespan"
)

func TestTextIsShortAndReadBack(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                        "0s",
		30 * time.Second:         "30s",
		time.Minute:              "1m",
		90 * time.Second:         "1m30s",
		time.Hour:                "1h",
		90 * time.Minute:         "1h30m",
		24 * time.Hour:           "1d",
		36 * time.Hour:           "36h",
		30 * 24 * time.Hour:      "30d",
		10*time.Hour + 1:         "10h0m0.000000001s",
		100 * time.Microsecond:   "100µs",
		24*time.Hour + time.Hour: "25h",
	} {
		text := timespan.Text(d)
		if text != want {
			t.Errorf("%d ns is written as %q, want %q", d, text, want)
		}
		if back, err := timespan.Parse(text); err != nil || back != d {
			t.Errorf("%q is read as %v, %v; want %v", text, back, err, d)
		}
	}
}

func TestWhatIsNoTimeIsRefused(t *testing.T) {
	for _, text := range []string{"", "d", "2", "2w", "-1h", "-1d", "1.5d", "1d12h", "65536d", "soon"} {
		var span timespan.Span
		if err := span.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %v", text, span)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"10s", "1h30m", "7d", "-1h", "0", "65535d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := timespan.Parse(text)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("%q is read as %v", text, d)
		}
		if back, err := timespan.Parse(timespan.Text(d)); err != nil || back != d {
			t.Fatalf("%q is read as %v, whose text %q is read as %v, %v", text, d, timespan.Text(d), back, err)
		}
	})
}
