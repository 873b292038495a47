package enumeration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/leak"
)

// warmUp is how many rounds are forgotten: connections, caches and the runtime find their pace in them.
const warmUp = 2

// Config is a measurement. Progress alone may be left out.
type Config struct {
	// Conn calls as an application that speaks for users, on one connection.
	Conn grpc.ClientConnInterface
	// Table is the service's access table, whose entrances are measured.
	Table access.Table
	// Crowd has the accounts that Accounts of Probes says for each of the States, and no others.
	Crowd  Crowd
	States []State
	// Probes is how often each entry is measured for each group.
	Probes   int
	Criteria leak.Criteria
	Random   *rand.Rand
	// Progress is told of each round that is done.
	Progress func(done, of int)
}

// Accounts is how many accounts a measurement needs in each state.
func Accounts(probes int) int { return probes + warmUp }

// Row is an entry, as it is for one state.
type Row struct {
	Method, Entry string
	State         State
	// Control compares nobody with nobody.
	Control bool
	leak.Finding
}

// Report is what a measurement found.
type Report struct {
	Rows []Row
	// Unreached are the entries that couldn't be measured at all, because what comes before them is refused to everybody.
	Unreached []string
	Took      time.Duration
}

// Leaks says that accounts can be told from nobody's addresses.
func (r Report) Leaks() bool {
	return slices.ContainsFunc(r.Rows, func(row Row) bool { return !row.Control && row.Verdict.Leaks() })
}

// Reach is how far the intervals of the differences go: larger ones would have shown.
func (r Report) Reach() time.Duration {
	var reach time.Duration
	for _, row := range r.Rows {
		reach = max(reach, row.High, -row.Low)
	}
	return reach
}

// Comparisons are how many tests of time there were.
func (r Report) Comparisons() int {
	const tests = 2
	n := 0
	for _, row := range r.Rows {
		if row.N > 0 {
			n += tests
		}
	}
	return n
}

// Doubts are the reasons why that nothing was found, or something, may not be believed.
func (r Report) Doubts() []string {
	var doubts []string
	said := map[string]bool{}
	for _, row := range r.Rows {
		if text := r.doubt(row.Entry); text != "" && !said[row.Entry] {
			said[row.Entry] = true
			doubts = append(doubts, row.Entry+": "+text)
		}
	}
	if len(r.Unreached) > 0 {
		doubts = append(doubts, "nothing got as far as "+strings.Join(r.Unreached, ", "))
	}
	return doubts
}

// doubt says what is wrong with what was measured of an entry; empty when nothing is.
func (r Report) doubt(entry string) string {
	var widest time.Duration
	unclear := false
	for _, row := range r.Rows {
		switch {
		case row.Entry != entry:
		case row.Control && row.Verdict.Leaks():
			return "nobody seems to differ from nobody, so the measurement is disturbed"
		case row.Verdict == leak.Unclear:
			widest, unclear = max(widest, (row.High-row.Low)/2), true
		}
	}
	if !unclear {
		return ""
	}
	return fmt.Sprintf("the times vary too much: differences of less than %s can't be seen", widest.Round(10*time.Microsecond))
}

// Run measures. It fails when an entrance has no walk, and when the deployment doesn't answer.
func Run(ctx context.Context, c Config) (Report, error) {
	if missing := Unwalked(c.Table); len(missing) > 0 {
		return Report{}, fmt.Errorf("this release doesn't know how to probe %s", strings.Join(missing, ", "))
	}
	if c.Probes < 1 || len(c.States) == 0 {
		return Report{}, errors.New("nothing to measure: give states and at least one probe")
	}
	began := time.Now()
	m := &measurement{Config: c, of: map[group][]leak.Series{}, asked: make([]bool, len(entries()))}
	rounds := Accounts(c.Probes)
	for n := range rounds {
		if err := m.round(ctx, n); err != nil {
			return Report{}, err
		}
		if c.Progress != nil {
			c.Progress(n+1, rounds)
		}
	}
	report := m.report()
	report.Took = time.Since(began)
	return report, nil
}

// measurement gathers what came of each entry for each group.
type measurement struct {
	Config
	of map[group][]leak.Series
	// asked says of each entry whether it ever asked for a proof of work.
	asked []bool
}

// compared are the states, and the control.
func (m *measurement) compared() []State { return append(slices.Clone(m.States), control) }

// groups are those that are walked.
func (m *measurement) groups() []group {
	var all []group
	for _, s := range m.compared() {
		for _, g := range []group{groups[s], s.twin()} {
			if !slices.Contains(all, g) {
				all = append(all, g)
			}
		}
	}
	return all
}

// round walks each group's address of one number.
func (m *measurement) round(ctx context.Context, n int) error {
	all := m.groups()
	m.Random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, g := range all {
		var answers []answered
		for _, w := range walks {
			some, err := newVisit(m.Conn, m.Crowd.address(g, n)).take(ctx, w)
			if err != nil {
				return err
			}
			answers = append(answers, some...)
		}
		if n >= warmUp {
			m.keep(g, answers)
		}
	}
	return nil
}

func (m *measurement) keep(g group, answers []answered) {
	if m.of[g] == nil {
		m.of[g] = make([]leak.Series, 2*len(answers)) // the entries, and what asked for work before them
	}
	for i, a := range answers {
		a.addTo(&m.of[g][i])
		asked := cmp.Or(a.asked, &answered{shape: notAsked})
		asked.addTo(&m.of[g][len(answers)+i])
		m.asked[i] = m.asked[i] || a.asked != nil
	}
}

// notAsked is the shape of a challenge that there was none.
const notAsked = "not asked"

func (a answered) addTo(s *leak.Series) {
	if a.took == 0 {
		s.AddShape(a.shape)
		return
	}
	s.Add(a.took, a.shape)
}

// report judges all entries at once, so that the correction knows of all comparisons.
func (m *measurement) report() Report {
	var r Report
	var cells []leak.Cell
	all := entries()
	for i, e := range all {
		of := m.cells(i, false)
		cells = append(cells, of...)
		r.add(e.method, e.name, m.compared())
		if !slices.ContainsFunc(of, func(c leak.Cell) bool { return len(c.Known.Took) > 0 }) {
			r.Unreached = append(r.Unreached, e.name)
		}
		if m.asked[i] {
			cells = append(cells, m.cells(len(all)+i, true)...)
			r.add(e.method, e.name+challenged, m.compared())
		}
	}
	for i, f := range leak.Judge(cells, m.Criteria, m.Random) {
		r.Rows[i].Finding = f
	}
	return r
}

// challenged marks the refusals that ask for a proof of work. Whether one is asked for depends on the load too.
const challenged = ": challenge"

// cells are an entry's, one for each state.
func (m *measurement) cells(series int, chance bool) []leak.Cell {
	var cells []leak.Cell
	for _, s := range m.compared() {
		cells = append(cells, leak.Cell{Known: m.of[groups[s]][series], Unknown: m.of[s.twin()][series], Chance: chance})
	}
	return cells
}

func (r *Report) add(method, name string, states []State) {
	for _, s := range states {
		r.Rows = append(r.Rows, Row{Method: method, Entry: name, State: s, Control: s == control})
	}
}
