package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

// refusals is a report as an import writes it.
func refusals(t *testing.T, lines ...int) string {
	t.Helper()
	var written strings.Builder
	r := newImportReport(false)
	r.to = &written
	for _, n := range lines {
		must(t, r.judged(n, &authnv1.ImportedRow{Outcome: authnv1.ImportOutcome_IMPORT_OUTCOME_REFUSED, Faults: []*authnv1.ImportFault{
			{Reason: authnv1.ImportReason_IMPORT_REASON_EMAIL_TAKEN, Field: "email", Text: "another account has this address"},
		}}))
	}
	return written.String()
}

func TestAReportTakesThePlaceOfAReportAlone(t *testing.T) {
	report := refusals(t, 3, 17)
	for name, c := range map[string]struct {
		there string
		taken bool
	}{
		"a report":                     {report, true},
		"a report without refusals":    {"", true},
		"a file of users":              {`{"email":"ada@example.org"}` + "\n", false},
		"notes":                        {"to do: mend line 3\n", false},
		"an empty object":              {"{}\n", false},
		"a line and no reasons":        {`{"line":3,"reasons":[]}` + "\n", false},
		"more than a report has":       {`{"line":3,"reasons":[{"reason":"differs","text":"x"}],"by":"ada"}` + "\n", false},
		"a line longer than they are":  {strings.Repeat("x", 1<<20), false},
		"an empty line, and something": {"\nsomething\n", false},
	} {
		path := filepath.Join(t.TempDir(), "refused.jsonl")
		must(t, os.WriteFile(path, []byte(c.there), 0o600))
		kept, err := newReportFile(path)
		if (err == nil) != c.taken || err != nil && !strings.Contains(err.Error(), "is no report of an import: it was left as it is, and nothing was imported; name another") {
			t.Errorf("%s: %v; want it taken: %t", name, err, c.taken)
		}
		if got := contentOf(t, path); got != c.there {
			t.Errorf("%s: looking changed it to %.100q", name, got)
		}
		if c.taken {
			must(t, kept.write(func(to io.Writer) error { return saysTo(to, report) }))
			if got := contentOf(t, path); got != report {
				t.Errorf("%s: it became %q", name, got)
			}
		}
	}
	if _, err := newReportFile(t.TempDir()); err == nil || !strings.Contains(err.Error(), "it is a folder") {
		t.Errorf("a folder: %v", err)
	}
}

func TestAReportIsWholeOrAsItWas(t *testing.T) {
	old, broken := refusals(t, 3), errors.New("interrupted")
	path := filepath.Join(t.TempDir(), "refused.jsonl")
	link := filepath.Join(filepath.Dir(path), "link.jsonl")
	must(t, os.WriteFile(path, []byte(old), 0o600))
	must(t, os.Symlink(path, link))
	kept, err := newReportFile(link)
	must(t, err)

	err = kept.write(func(to io.Writer) error { return errors.Join(saysTo(to, refusals(t, 4)), broken) })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "wasn't written") || contentOf(t, path) != old {
		t.Errorf("an import that broke off: %v; the report is %q", err, contentOf(t, path))
	}
	must(t, kept.write(func(to io.Writer) error {
		must(t, saysTo(to, refusals(t, 5)))
		if contentOf(t, path) != old {
			t.Error("the report is seen before it is whole")
		}
		return nil
	}))
	if got := contentOf(t, link); got != refusals(t, 5) || contentOf(t, path) != got {
		t.Errorf("by a link it became %q", got)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 2 {
		t.Errorf("beside it lie %v, %v", files, err)
	}
}

func TestWithoutAPlaceForTheReportNothingIsImported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "refused.jsonl")
	kept, err := newReportFile(path)
	must(t, err)
	err = kept.write(func(io.Writer) error {
		t.Error("it began")
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "--report "+path+": ") || !strings.Contains(err.Error(), "nothing was imported") {
		t.Errorf("err = %v", err)
	}
}

func TestAReportGoesToADeviceAsItComes(t *testing.T) {
	kept, err := newReportFile(os.DevNull)
	must(t, err)
	must(t, kept.write(func(to io.Writer) error { return saysTo(to, "a line\n") }))
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%s is a file now: %v", os.DevNull, err)
	}
	kept, err = newReportFile("")
	must(t, err)
	must(t, kept.write(func(to io.Writer) error { return saysTo(to, "to nobody") }))
}

func saysTo(to io.Writer, text string) error {
	_, err := fmt.Fprint(to, text)
	return err
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}
