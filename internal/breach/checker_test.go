package breach_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/secret"
)

// filter answers as the test says, and counts how often it was asked.
type filter struct {
	hit   bool
	err   error
	asked int
}

func (f *filter) Contains(breach.Hash) (bool, error) {
	f.asked++
	return f.hit, f.err
}

// ranges answers as the test says.
type ranges struct {
	count   int
	err     error
	asked   int
	readied int
}

func (r *ranges) Count(context.Context, breach.Hash) (int, error) {
	r.asked++
	return r.count, r.err
}

func (r *ranges) Ready(context.Context) error {
	r.readied++
	return r.err
}

var (
	unlisted = secret.Wrap("correct horse battery staple")
	listed   = secret.Wrap("Dragon")
	errDown  = errors.New("down")
)

func newChecker(t *testing.T, c breach.Config) *breach.Checker {
	t.Helper()
	c.MinCount = max(c.MinCount, 1)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Registerer == nil {
		c.Registerer = prometheus.NewRegistry()
	}
	checker, err := breach.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return checker
}

func TestEachModeAsksItsSources(t *testing.T) {
	clean, suspected, breached, unknown := breach.Clean, breach.Suspected, breach.Breached, breach.Unknown
	for name, c := range map[string]struct {
		mode     breach.Mode
		password secret.Text
		filter   filter
		ranges   ranges
		verdict  breach.Verdict
		source   breach.Source
		asked    string // of the corpus, of the range API
	}{
		"off asks nobody":                           {breach.Off, listed, filter{hit: true}, ranges{count: 9}, clean, breach.NoSource, "00"},
		"the list, hit":                             {breach.ListOnly, listed, filter{hit: true}, ranges{count: 9}, breached, breach.List, "00"},
		"the list, miss":                            {breach.ListOnly, unlisted, filter{hit: true}, ranges{count: 9}, clean, breach.List, "00"},
		"corpus: the list first":                    {breach.CorpusOnly, listed, filter{}, ranges{}, breached, breach.List, "00"},
		"corpus, miss":                              {breach.CorpusOnly, unlisted, filter{}, ranges{count: 9}, clean, breach.FromCorpus, "10"},
		"corpus, hit":                               {breach.CorpusOnly, unlisted, filter{hit: true}, ranges{count: 9}, suspected, breach.FromCorpus, "10"},
		"corpus, failed":                            {breach.CorpusOnly, unlisted, filter{hit: true, err: errDown}, ranges{}, unknown, breach.FromCorpus, "10"},
		"range: the list first":                     {breach.RangeOnly, listed, filter{}, ranges{}, breached, breach.List, "00"},
		"range, never seen":                         {breach.RangeOnly, unlisted, filter{hit: true}, ranges{}, clean, breach.FromRange, "01"},
		"range, seen too seldom":                    {breach.RangeOnly, unlisted, filter{}, ranges{count: 4}, clean, breach.FromRange, "01"},
		"range, seen often enough":                  {breach.RangeOnly, unlisted, filter{}, ranges{count: 5}, breached, breach.FromRange, "01"},
		"range, failed":                             {breach.RangeOnly, unlisted, filter{}, ranges{count: 9, err: errDown}, unknown, breach.FromRange, "01"},
		"both: a miss asks nobody outside":          {breach.CorpusConfirmed, unlisted, filter{}, ranges{count: 9}, clean, breach.FromCorpus, "10"},
		"both: confirmed":                           {breach.CorpusConfirmed, unlisted, filter{hit: true}, ranges{count: 5}, breached, breach.FromRange, "11"},
		"both: the filter was wrong":                {breach.CorpusConfirmed, unlisted, filter{hit: true}, ranges{}, clean, breach.FromRange, "11"},
		"both: nobody confirms":                     {breach.CorpusConfirmed, unlisted, filter{hit: true}, ranges{err: errDown}, suspected, breach.FromCorpus, "11"},
		"both: no corpus, and nobody outside asked": {breach.CorpusConfirmed, unlisted, filter{err: errDown}, ranges{count: 9}, unknown, breach.FromCorpus, "10"},
	} {
		t.Run(name, func(t *testing.T) {
			checker := newChecker(t, breach.Config{Corpus: &c.filter, Range: &c.ranges, MinCount: 5})
			got := checker.Check(t.Context(), c.mode, c.password)
			if got.Verdict != c.verdict || got.Source != c.source {
				t.Errorf("%v by %v, want %v by %v", got.Verdict, got.Source, c.verdict, c.source)
			}
			if asked := fmt.Sprint(c.filter.asked, c.ranges.asked); strings.ReplaceAll(asked, " ", "") != c.asked {
				t.Errorf("corpus and range API were asked %s times, want %s", asked, c.asked)
			}
			failed := c.filter.err != nil || c.ranges.err != nil
			if (got.Err != nil) != failed {
				t.Errorf("err = %v, want one: %v", got.Err, failed)
			}
		})
	}
}

func TestASourceThatIsMissingHasFailed(t *testing.T) {
	noCorpus, noRange := breach.ErrNoCorpus, breach.ErrNoRange
	for name, c := range map[string]struct {
		mode     breach.Mode
		corpus   breach.Corpus
		ranges   breach.Range
		verdict  breach.Verdict
		err      error   // of the check
		missing  []error // of the mode
		password secret.Text
	}{
		"the list needs none":                 {breach.ListOnly, nil, nil, breach.Clean, nil, nil, unlisted},
		"nor does who checks nothing":         {breach.Off, nil, nil, breach.Clean, nil, nil, unlisted},
		"no corpus":                           {breach.CorpusOnly, nil, &ranges{}, breach.Unknown, noCorpus, []error{noCorpus}, unlisted},
		"no corpus, and in the list":          {breach.CorpusOnly, nil, nil, breach.Breached, nil, []error{noCorpus}, listed},
		"no range API":                        {breach.RangeOnly, &filter{}, nil, breach.Unknown, noRange, []error{noRange}, unlisted},
		"no range API to confirm a hit":       {breach.CorpusConfirmed, &filter{hit: true}, nil, breach.Suspected, noRange, []error{noRange}, unlisted},
		"neither":                             {breach.CorpusConfirmed, nil, nil, breach.Unknown, noCorpus, []error{noCorpus, noRange}, unlisted},
		"all that is asked":                   {breach.CorpusConfirmed, &filter{}, &ranges{}, breach.Clean, nil, nil, unlisted},
		"a mode that isn't known asks nobody": {"guess", &filter{}, &ranges{}, breach.Unknown, nil, nil, unlisted},
	} {
		t.Run(name, func(t *testing.T) {
			checker := newChecker(t, breach.Config{Corpus: c.corpus, Range: c.ranges})
			if got := checker.Check(t.Context(), c.mode, c.password); got.Verdict != c.verdict || !errors.Is(got.Err, c.err) && c.err != nil {
				t.Errorf("%v, %v; want %v, %v", got.Verdict, got.Err, c.verdict, c.err)
			}
			missing := checker.Missing(c.mode)
			if (missing == nil) != (len(c.missing) == 0) {
				t.Errorf("missing: %v, want %v", missing, c.missing)
			}
			for _, want := range c.missing {
				if !errors.Is(missing, want) {
					t.Errorf("missing: %v, want %v", missing, want)
				}
			}
		})
	}
}

// TestReadyIsAboutTheSourcesAndNoPassword: it fails where a check would come to Unknown, and asks the range API about nothing.
func TestReadyIsAboutTheSourcesAndNoPassword(t *testing.T) {
	for name, c := range map[string]struct {
		mode   breach.Mode
		corpus breach.Corpus
		ranges breach.Range
		want   error
	}{
		"nothing is asked":                      {breach.Off, &filter{err: errDown}, &ranges{err: errDown}, nil},
		"the list is in the binary":             {breach.ListOnly, &filter{err: errDown}, &ranges{err: errDown}, nil},
		"a corpus":                              {breach.CorpusOnly, &filter{hit: true}, &ranges{err: errDown}, nil},
		"a corpus that fails":                   {breach.CorpusOnly, &filter{err: errDown}, &ranges{}, errDown},
		"no corpus":                             {breach.CorpusOnly, nil, &ranges{}, breach.ErrNoCorpus},
		"the range API":                         {breach.RangeOnly, &filter{err: errDown}, &ranges{}, nil},
		"the range API, down":                   {breach.RangeOnly, &filter{}, &ranges{err: errDown}, errDown},
		"no range API":                          {breach.RangeOnly, &filter{}, nil, breach.ErrNoRange},
		"who confirms may be down":              {breach.CorpusConfirmed, &filter{hit: true}, &ranges{err: errDown}, nil},
		"who needs no confirmation mayn't be":   {breach.CorpusConfirmed, &filter{err: errDown}, &ranges{}, errDown},
		"no corpus, and the range API isn't it": {breach.CorpusConfirmed, nil, &ranges{}, breach.ErrNoCorpus},
	} {
		t.Run(name, func(t *testing.T) {
			checker := newChecker(t, breach.Config{Corpus: c.corpus, Range: c.ranges})
			for _, password := range []secret.Text{listed, unlisted} {
				if err := checker.Ready(t.Context(), c.mode, password); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
			}
			verdict := checker.Check(t.Context(), c.mode, unlisted).Verdict
			if (verdict == breach.Unknown) != (c.want != nil) {
				t.Errorf("a check comes to %v", verdict)
			}
			if r, ok := c.ranges.(*ranges); ok && r.readied > 0 && c.mode != breach.RangeOnly {
				t.Error("the range API was asked where its failure leaves nothing unknown")
			}
		})
	}
	if newChecker(t, breach.Config{}).Ready(t.Context(), "guess", unlisted) == nil {
		t.Error("a mode that isn't known is ready")
	}
}

func TestRefusalByMoment(t *testing.T) {
	const other = 99
	all := []breach.Verdict{breach.Unknown, breach.Clean, breach.Suspected, breach.Breached, other}
	for _, c := range []struct {
		name      string
		moment    breach.Moment
		onFailure breach.OnFailure
		refused   string // for each of the verdicts above, in that order
	}{
		{"at set, closed", breach.AtSet, breach.Closed, "unknown suspected breached verdict 99"},
		{"at set, open", breach.AtSet, breach.Open, "suspected breached verdict 99"},
		{"at sign-in, closed", breach.AtSignIn, breach.Closed, "unknown breached verdict 99"},
		{"at sign-in, open", breach.AtSignIn, breach.Open, "breached verdict 99"},
		{"at a moment that isn't known", other, breach.Open, "suspected breached verdict 99"},
		{"a choice that isn't known", breach.AtSignIn, other, "unknown breached verdict 99"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var refused []string
			for _, v := range all {
				if breach.Refuses(c.moment, breach.Result{Verdict: v}, c.onFailure) {
					refused = append(refused, v.String())
				}
			}
			if got := strings.Join(refused, " "); got != c.refused {
				t.Errorf("refused: %s; want %s", got, c.refused)
			}
		})
	}
	if breach.DefaultOnFailure(breach.AtSet) != breach.Closed || breach.DefaultOnFailure(breach.AtSignIn) != breach.Open || breach.DefaultOnFailure(other) != breach.Closed {
		t.Error("by default a failure closes what sets a password, and nothing else")
	}
	if !breach.Refuses(0, breach.Result{}, 0) {
		t.Error("zero values let something in")
	}
}

func TestListIsComparedWithoutCase(t *testing.T) {
	for password, want := range map[string]bool{
		"123456": true, "password": true, "PassWord": true, "QWERTYUIOP": true, "1qaz2wsx": true,
		"": false, "password ": false, "correct horse battery staple": false,
	} {
		if got := breach.InList(secret.Wrap(password)); got != want {
			t.Errorf("%q in the list: %v, want %v", password, got, want)
		}
	}
}

func TestHashIsThatOfTheComposedForm(t *testing.T) {
	digits := func(password string) string {
		h := breach.HashOf(secret.Wrap(password))
		return hex.EncodeToString(h[:])
	}
	if got := digits("password"); got != "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8" { // FIPS 180-4, and the corpus
		t.Errorf("HashOf = %s", got)
	}
	if digits("caf\u00e9") != digits("cafe\u0301") {
		t.Error("the same letters, composed otherwise, are another password")
	}
}

func TestHashIsntSeen(t *testing.T) {
	h := breach.HashOf(secret.Wrap("password"))
	encoded, err := json.Marshal(struct{ Hash breach.Hash }{h})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("hash", h))
	for _, seen := range []string{fmt.Sprintf("%v %x %X %s %+v %#v %d", h, h, h, h, h, h, h), h.String(), string(encoded), log.String()} {
		if strings.Contains(strings.ToLower(seen), "5baa61") || strings.Contains(seen, "91 170") || !strings.Contains(seen, "[redacted]") {
			t.Errorf("a hash shows: %s", seen)
		}
	}
}

func TestFailuresAreCountedEachAndLoggedOnceAMinute(t *testing.T) {
	var log bytes.Buffer
	now := time.Unix(1_800_000_000, 0)
	metrics := prometheus.NewRegistry()
	checker := newChecker(t, breach.Config{
		Corpus: &filter{hit: true}, Range: &ranges{err: errDown}, Registerer: metrics,
		Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	for range 3 {
		checker.Check(t.Context(), breach.CorpusConfirmed, unlisted)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 {
		t.Errorf("%d lines, want 1:\n%s", lines, log.String())
	}
	now = now.Add(time.Minute)
	checker.Check(t.Context(), breach.CorpusConfirmed, listed)
	checker.Check(t.Context(), breach.CorpusConfirmed, unlisted)
	if lines := strings.Count(log.String(), "level=WARN msg=\"a source of breached passwords failed\" source=range error=down"); lines != 2 {
		t.Errorf("%d lines after a minute, want 2:\n%s", lines, log.String())
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	checker.Check(gone, breach.CorpusConfirmed, unlisted) // says nothing of the source
	want := `# HELP doorward_breach_checks_total Passwords looked up among breached ones, by the source that the answer rests on and what it was.
# TYPE doorward_breach_checks_total counter
doorward_breach_checks_total{result="breached",source="list"} 1
doorward_breach_checks_total{result="suspected",source="corpus"} 5
# HELP doorward_breach_source_failures_total Times that a source of breached passwords gave no answer.
# TYPE doorward_breach_source_failures_total counter
doorward_breach_source_failures_total{source="corpus"} 0
doorward_breach_source_failures_total{source="range"} 4
`
	if err := testutil.GatherAndCompare(metrics, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestConfigurationIsComplete(t *testing.T) {
	whole := breach.Config{
		Corpus: &filter{}, Range: &ranges{}, MinCount: 1,
		Now: time.Now, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}
	if _, err := breach.New(whole); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*breach.Config){
		"give 1 or more":       func(c *breach.Config) { c.MinCount = 0 },
		"a clock":              func(c *breach.Config) { c.Now = nil },
		"a logger":             func(c *breach.Config) { c.Logger = nil },
		"a metrics registerer": func(c *breach.Config) { c.Registerer = nil },
		"duplicate metrics":    func(*breach.Config) {}, // registered above
	} {
		c := whole
		spoil(&c)
		if _, err := breach.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want %q", err, want)
		}
	}
	for _, mode := range []breach.Mode{breach.Off, breach.ListOnly, breach.CorpusOnly, breach.RangeOnly, breach.CorpusConfirmed} {
		if got, err := breach.ParseMode(string(mode)); err != nil || got != mode {
			t.Errorf("ParseMode(%q) = %q, %v", mode, got, err)
		}
	}
}

// Run with the race detector, as all tests are.
func TestManyAskAtOnce(t *testing.T) {
	checker := newChecker(t, breach.Config{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if r := checker.Check(t.Context(), breach.ListOnly, listed); r.Verdict != breach.Breached {
					t.Errorf("verdict %v", r.Verdict)
				}
			}
		})
	}
	all.Wait()
}
