package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ranked is a list of n short passwords and as many long ones, in turns.
func ranked(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("s%d", i), fmt.Sprintf("longer-%06d", i))
	}
	return all
}

func TestTakesTheMostUsedAndThoseThatCouldBeSet(t *testing.T) {
	all := ranked(5000)
	taken, err := take(all)
	if err != nil {
		t.Fatal(err)
	}
	want := ofAny/2 + ofLength
	if len(taken) != want || !slices.Equal(taken[:ofAny], all[:ofAny]) || slices.Contains(taken, "s500") || !slices.Contains(taken, "longer-003999") || slices.Contains(taken, "longer-004000") {
		t.Errorf("took %d passwords, want %d: the first %d, and the first %d long ones", len(taken), want, ofAny, ofLength)
	}
	if _, err := take(ranked(10)); err == nil {
		t.Error("a list that is too short was taken")
	}
	if _, err := take(append([]string{"Upper"}, all...)); err == nil || strings.Contains(err.Error(), "Upper") {
		t.Errorf("a password in upper case: %v", err)
	}
}

func TestReadsTheListOutOfTheSource(t *testing.T) {
	got, err := passwords([]byte(`frequency_lists = {
  passwords: "123456,password,a\"b\\c",
  english_wikipedia: "the,of"`))
	if err == nil {
		t.Errorf("a list with a quote was read as %q", got)
	}
	got, err = passwords([]byte(`frequency_lists = {
  passwords: "123456,password,a\\b,it\'s",
  english_wikipedia: "the,of"`))
	if diff := cmp.Diff([]string{"123456", "password", `a\b`, "it's"}, got); diff != "" || err != nil {
		t.Errorf("passwords: %v\n%s", err, diff)
	}
	if _, err := passwords([]byte("module.exports = {}")); err == nil {
		t.Error("a source without the list was taken")
	}
}

func TestHashesAreSortedAndOnce(t *testing.T) {
	got := string(hashes([]string{"password", "123456", "password"}))
	want := "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8\n7c4a8d09ca3762af61e59520943dc26494f8941b\n"
	if got != want {
		t.Errorf("hashes = %q", got)
	}
}

func TestAnotherVersionIsNotedNotTaken(t *testing.T) {
	for _, manifest := range []string{`{}`, `{"name":"zxcvbn","version":"5.0.0","license":"MIT"}`, `{"name":"zxcvbn","version":"4.4.2","license":"other"}`} {
		if _, err := describe([]byte(manifest), 1); err == nil {
			t.Errorf("%s was taken", manifest)
		}
	}
	page, err := describe([]byte(`{"name":"zxcvbn","version":"4.4.2","license":"MIT"}`), 4747)
	if err != nil || !strings.Contains(string(page), "4747 lines") || !strings.Contains(string(page), "4.4.2") {
		t.Errorf("describe: %v\n%s", err, page)
	}
}
