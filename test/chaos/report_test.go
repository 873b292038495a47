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
	"testing"
	"time"

	"github.com/doorward/doorward/test/deployment"
	"github.com/doorward/doorward/test/load"
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
func tell(t *testing.T, title string, ledger *load.Ledger, k *killer, figures reconcile.Figures) {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%d kills:", title, len(k.kills))
	for _, victim := range slices.Sorted(maps.Keys(k.counts())) {
		fmt.Fprintf(&text, " %s %d", victim, k.counts()[victim])
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
	for _, p := range []*deployment.Process{k.d.NATS, k.d.Risk, k.d.Authn, k.d.Notify} {
		text.WriteString(complaints(p))
	}
	t.Log("\n" + text.String())
	if *report == "" {
		return
	}
	file, err := os.OpenFile(*report, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(t, err)
	_, err = file.WriteString(text.String() + "\n")
	must(t, err)
	must(t, file.Close())
}
