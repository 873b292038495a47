package soak_test

import (
	"slices"
	"testing"
	"time"

	"github.com/doorward/doorward/test/load"
)

// How much more the last quarter may need than the second, which is past what every start brings. A garbage collector's heap breathes.
const (
	moreMemory  = 1.25
	spareMemory = 16 * mib
	moreOthers  = 1.1
	spareOthers = 10
)

// shortest is a run that is long enough to be judged: connections have come and gone, and events have left the outbox.
const shortest = 20 * time.Minute

// levelsOff compares the second quarter with the last, by their medians.
func (p *process) levelsOff(t *testing.T) {
	t.Helper()
	if len(p.samples) == 0 {
		t.Fatalf("%s: nothing was measured", p.Name)
	}
	if p.samples[len(p.samples)-1].at < shortest {
		return // too short for a verdict; that it measures is shown
	}
	quarter := len(p.samples) / 4
	before, after := p.samples[quarter:2*quarter], p.samples[3*quarter:]
	for _, figure := range []struct {
		name        string
		of          func(sample) float64
		more, spare float64
	}{
		{"bytes of memory", func(s sample) float64 { return float64(s.resident) }, moreMemory, spareMemory},
		{"goroutines", func(s sample) float64 { return float64(s.goroutines) }, moreOthers, spareOthers},
		{"open files", func(s sample) float64 { return float64(s.files) }, moreOthers, spareOthers},
	} {
		was, is := median(before, figure.of), median(after, figure.of)
		t.Logf("%-7s %-16s %12.0f in the second quarter, %12.0f in the last", p.Name, figure.name, was, is)
		if is > was*figure.more && is > was+figure.spare {
			t.Errorf("%s: %s grew from %.0f to %.0f", p.Name, figure.name, was, is)
		}
	}
}

func median(samples []sample, of func(sample) float64) float64 {
	var values []float64
	for _, s := range samples {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func header(t *testing.T) {
	t.Helper()
	t.Logf("%8s  %-7s %10s %11s %6s %12s %9s", "after", "process", "memory MiB", "goroutines", "files", "stored MiB", "sessions")
}

func row(t *testing.T, name string, s sample, ledger *load.Ledger) {
	t.Helper()
	begun := ledger.Count(load.SignUp, load.Acknowledged) + ledger.Count(load.SignIn, load.Acknowledged) + ledger.Count(load.NewDevice, load.Acknowledged)
	t.Logf("%8s  %-7s %10.1f %11d %6d %12.2f %9d", s.at.Round(time.Second), name, float64(s.resident)/mib, s.goroutines, s.files,
		float64(s.stored)/mib, begun)
}
