package restriction_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/services/authn/internal/restriction"
)

func TestAFileOfEntriesIsRead(t *testing.T) {
	file := "\ufeff# who may not come\r\n" +
		"bad@example.com\r\n" +
		"\n" +
		"  *.bad.example\t# since May\n" +
		"\t# nothing\n" +
		"a#b@example.com\n" +
		"\\#c@example.com\n" +
		"BÜCHER.example #\n" +
		"192.0.2.0/24"
	entries, err := restriction.Import(restriction.Block, strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.List.String()+" "+e.AsWritten())
	}
	want := []string{"block bad@example.com", "block *.bad.example", "block a#b@example.com", `block \#c@example.com`, "block BÜCHER.example", "block 192.0.2.0/24"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestAnEmptyFileHasNoEntries(t *testing.T) {
	for _, file := range []string{"", "\n", "# nothing\n\n", "\ufeff"} {
		if entries, err := restriction.Import(restriction.Block, strings.NewReader(file)); err != nil || entries != nil {
			t.Errorf("%q: %v, %v", file, entries, err)
		}
	}
}

// All faults are told by their line, and not one entry is returned.
func TestAFileWithAFaultIsRefusedWhole(t *testing.T) {
	long := strings.Repeat("a", 10_000)
	file := "good.example\n*@example.com\n" + long + "\n\ngood@example.com\n192.0.2.7/24\n# " + long + "\nexa_mple.com"
	entries, err := restriction.Import(restriction.Block, strings.NewReader(file))
	var faults *restriction.Faults
	if entries != nil || !errors.As(err, &faults) {
		t.Fatalf("%v, %v", entries, err)
	}
	var lines []int
	for _, f := range faults.Lines {
		lines = append(lines, f.Line)
	}
	if diff := cmp.Diff([]int{2, 3, 6, 7, 8}, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	for _, want := range []string{
		"nothing was imported", "line 2: ", "write example.com", "line 3: it has more than 4096 bytes", "line 6: ", "192.0.2.0/24", "line 8: ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error doesn't say %q:\n%v", want, err)
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	_, err := restriction.Import(restriction.Block, strings.NewReader(strings.Repeat("exa_mple.com\n", 5000)))
	var faults *restriction.Faults
	if !errors.As(err, &faults) || len(faults.Lines) != 100 || faults.More != 4900 {
		t.Fatalf("%v", err)
	}
	if !strings.HasSuffix(err.Error(), "and 4900 more") {
		t.Errorf("the end of the error: …%s", err.Error()[len(err.Error())-40:])
	}
}

func TestALineAsLongAsTheBoundIsRead(t *testing.T) {
	const end = "# "
	line := "example.com " + end + strings.Repeat("x", 4096-len("example.com ")-len(end)-1) + "\n"
	for _, file := range []string{line, line + "example.org", line + line} {
		entries, err := restriction.Import(restriction.Block, strings.NewReader(file))
		if err != nil || len(entries) == 0 || entries[0].Name != "example.com" {
			t.Errorf("%v, %v", entries, err)
		}
	}
}

func TestAFileThatBreaksOffIsRefused(t *testing.T) {
	broken := errors.New("the disk is gone")
	file := io.MultiReader(strings.NewReader("example.com\nexample.org\n"), iotest.ErrReader(broken))
	if entries, err := restriction.Import(restriction.Block, file); entries != nil || !errors.Is(err, broken) {
		t.Errorf("%v, %v", entries, err)
	}
}

func FuzzImport(f *testing.F) {
	for _, seed := range []string{"example.com\n# x\n*.a.b", "\ufeffa@b.c # d\r\n", "a#b@c.d", strings.Repeat("x", 5000) + "\nexample.com", "\x00\n\xff", "#\n#", "\\#a\\*@b.c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		entries, err := restriction.Import(restriction.Block, strings.NewReader(file))
		if err != nil {
			var faults *restriction.Faults
			if entries != nil || !errors.As(err, &faults) || len(faults.Lines) == 0 || len(faults.Lines) > 100 {
				t.Errorf("%d entries and %v", len(entries), err)
			}
			return
		}
		var again strings.Builder
		for _, e := range entries {
			fmt.Fprintln(&again, e)
		}
		second, err := restriction.Import(restriction.Block, strings.NewReader(again.String()))
		if err != nil || len(second) != len(entries) {
			t.Errorf("of %d entries %d can be read again: %v", len(entries), len(second), err)
		}
	})
}
