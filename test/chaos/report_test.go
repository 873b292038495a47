package chaos_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/doorward/doorward/test/deployment"
	"github.com/doorward/doorward/test/reconcile"
)

var report = flag.String("report", "", "file that the figures are added to")

// port is what makes one cause look like many.
var port = regexp.MustCompile(`:\d{4,5}\b`)

// complaints counts what a service has logged as errors.
func complaints(p *deployment.Process) string {
	counts := make(map[string]int)
	for line := range strings.Lines(p.Log()) {
		var entry struct {
			Level, Msg string
			Error      any
		}
		if json.Unmarshal([]byte(line), &entry) != nil {
			counts["not a log line: "+strings.TrimSpace(line)]++
		} else if entry.Level == slog.LevelError.String() {
			counts[entry.Msg+": "+port.ReplaceAllString(fmt.Sprint(entry.Error), "")]++
		}
	}
	var text strings.Builder
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&text, "%4d %s logs: %s\n", counts[what], p.Name, what)
	}
	return text.String()
}

// tell prints the figures, and adds them to the report.
func (s *story) tell(figures reconcile.Figures, faults int) {
	s.Helper()
	ledger := s.load.Ledger
	var text strings.Builder
	fmt.Fprintf(&text, "%s, seed %d, %v in all, %d faults\n%d kills:", s.Name(), s.seed, time.Since(s.began).Round(time.Second), faults, len(s.kills))
	for _, victim := range slices.Sorted(maps.Keys(s.counts())) {
		fmt.Fprintf(&text, " %s %d", victim, s.counts()[victim])
	}
	fmt.Fprintf(&text, "\n%s", ledger.Table())
	fmt.Fprintf(&text, "refreshes that got their answer when asked again: %d; slowest revocation: %v\n",
		ledger.Recovered(), ledger.SlowestRevocation().Round(time.Millisecond))
	fmt.Fprintf(&text, "%+v\n", figures)
	why := make(map[string]int)
	for _, loss := range ledger.Losses() {
		why[fmt.Sprintf("%s %s: %s", loss.Kind, loss.Outcome, port.ReplaceAllString(loss.Err, ""))]++
	}
	for _, cause := range slices.Sorted(maps.Keys(why)) {
		fmt.Fprintf(&text, "%4d %s\n", why[cause], cause)
	}
	for _, p := range slices.Compact(slices.Clone(s.victims)) {
		text.WriteString(complaints(p))
	}
	s.Log("\n" + text.String())
	if *report == "" {
		return
	}
	file, err := os.OpenFile(*report, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(s.T, err)
	_, err = file.WriteString(text.String() + "\n")
	must(s.T, err)
	must(s.T, file.Close())
}
