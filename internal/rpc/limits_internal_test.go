package rpc

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/access"
)

// TestLimitsAreDocumented holds docs/limits.md to the numbers in force.
func TestLimitsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(raw)), " ")
	arriving := newArrivals(ServerConfig{Name: "authn", Now: time.Now, Limits: Limits{}.withDefaults()})
	for _, said := range []string{
		fmt.Sprintf("| unary calls in flight (`limits.max_calls`) | %d |", maxCalls),
		fmt.Sprintf("| streaming calls in flight (`limits.max_streams`) | %d |", maxStreams),
		fmt.Sprintf("| open connections (`limits.max_connections`) | %d |", maxConnections),
		fmt.Sprintf("| requests that have begun and not come whole | twice `max_calls` and `max_streams` together: %d |", arriving.most),
		fmt.Sprintf("| those of callers without a certificate | %d %% |", strangersShare),
		fmt.Sprintf("| those of one address without a certificate | %g %%: %d |", float64(networkShare)/10, arriving.ofNetwork),
		fmt.Sprintf("| a request's way, from its first byte to its last | %v, a fifth more at most |", arrivalTimeout),
		fmt.Sprintf("| a request | %d KiB |", maxRequestBytes>>10),
		fmt.Sprintf("| a response | %d MiB |", maxResponseBytes>>20),
		fmt.Sprintf("| a request's headers | %d KiB |", maxHeaderBytes>>10),
		fmt.Sprintf("| a TLS handshake | %v |", connectTimeout),
		fmt.Sprintf("| a call without a deadline | %v | it gets this one; our own clients ask for %v |", defaultCallTimeout, defaultTimeout),
		fmt.Sprintf("| a call with a longer deadline | %v |", longestCall),
		fmt.Sprintf("| an idle connection | %v |", maxConnectionIdle),
		fmt.Sprintf("| a connection's age | %v | closed, with %v for", maxConnectionAge, maxConnectionAgeGrace),
		fmt.Sprintf("| pings by a client | one in %v |", leastPingInterval),
		fmt.Sprintf("| a silent client | pinged after %v | closed when there is no answer in %v |", serverPingAfter, serverPingTimeout),
		fmt.Sprintf("| a client that doesn't read | has %v |", serverWriteTimeout),
		fmt.Sprintf("ping a silent server after %v, and give it up when there is no answer in %v", clientPingAfter, clientPingTimeout),
		fmt.Sprintf("less %v at each hop", hopShare),
		fmt.Sprintf("less than %v left", leastBudget),
	} {
		if !strings.Contains(page, said) {
			t.Errorf("docs/limits.md lacks: %s", said)
		}
	}
	for _, p := range access.Priorities() {
		row := fmt.Sprintf("| %d %% | %v |", terms[p].share, terms[p].retry)
		if !strings.Contains(page, "| "+p.String()+" |") || !strings.Contains(page, row) {
			t.Errorf("docs/limits.md lacks the row of %v: %s", p, row)
		}
	}
}

func TestLimitsThatLeaveAPriorityWithoutAPlaceAreRefused(t *testing.T) {
	if faults := (Limits{}).Check(); len(faults) > 0 {
		t.Errorf("the defaults: %v", faults)
	}
	if faults := (Limits{MaxCalls: leastLimit, MaxStreams: leastLimit, MaxConnections: leastLimit}).Check(); len(faults) > 0 {
		t.Errorf("the least: %v", faults)
	}
	faults := Limits{MaxCalls: -1, MaxStreams: 1, MaxConnections: leastLimit - 1}.Check()
	var keys []string
	for _, f := range faults {
		keys = append(keys, f.Key)
	}
	if got := strings.Join(keys, " "); got != "max_calls max_streams max_connections" {
		t.Errorf("faults in %q", got)
	}
	var r room
	r.size(leastLimit)
	for _, p := range access.Priorities() {
		if r.places[p] == 0 {
			t.Errorf("%v has no place", p)
		}
	}
}
