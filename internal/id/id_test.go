package id_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/id"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, int(7*time.Millisecond), time.UTC)

func TestNewIsValidForItsOwnPrefixOnly(t *testing.T) {
	got := id.New("usr", noon)
	if !strings.HasPrefix(got, "usr_") || len(got) != len("usr_")+26 {
		t.Fatalf("New = %q, want usr_ and 26 characters", got)
	}
	if !id.Valid("usr", got) {
		t.Errorf("Valid(usr, %q) = false", got)
	}
	if id.Valid("ses", got) {
		t.Errorf("Valid(ses, %q) = true, want a user's identifier refused as a session's", got)
	}
	if at, ok := id.Time(got); !ok || !at.Equal(noon) {
		t.Errorf("Time = %v, %v; want %v", at, ok, noon)
	}
}

func TestIdentifiersSortByTime(t *testing.T) {
	var ids []string
	for i := range 1000 {
		ids = append(ids, id.New("evt", noon.Add(time.Duration(i)*time.Millisecond)))
	}
	if !slices.IsSorted(ids) {
		t.Error("identifiers made one after the other aren't in order")
	}
}

func TestIdentifiersOfOneMomentDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 10_000 {
		seen[id.New("evt", noon)] = true
	}
	if len(seen) != 10_000 {
		t.Errorf("%d distinct identifiers of 10000", len(seen))
	}
}

func TestValidRefusesOtherSpellings(t *testing.T) {
	good := id.New("usr", noon)
	for name, s := range map[string]string{
		"empty":              "",
		"prefix alone":       "usr_",
		"no prefix":          good[4:],
		"upper case":         strings.ToUpper(good),
		"upper-case body":    "usr_" + strings.ToUpper(good[4:]),
		"short":              good[:len(good)-1],
		"long":               good + "0",
		"newline":            good[:len(good)-1] + "\n",
		"letter outside":     good[:len(good)-1] + "u",
		"non-zero tail bits": good[:len(good)-1] + "1",
		"second underscore":  "usr__" + good[5:],
	} {
		t.Run(name, func(t *testing.T) {
			if id.Valid("usr", s) {
				t.Errorf("Valid(usr, %q) = true", s)
			}
		})
	}
}

func TestNewPanicsOnABadPrefix(t *testing.T) {
	for _, prefix := range []string{"", "usr_", "USR", "verylongone"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New(%q) did not panic", prefix)
				}
			}()
			id.New(prefix, noon)
		}()
	}
}

func FuzzTimeAgreesWithValid(f *testing.F) {
	f.Add(id.New("usr", noon))
	f.Add("usr_")
	f.Add("usr_00000000000000000000000000")
	f.Fuzz(func(t *testing.T, s string) {
		at, ok := id.Time(s)
		prefix, _, _ := strings.Cut(s, "_")
		if ok != id.Valid(prefix, s) {
			t.Fatalf("Time says %v, Valid says %v for %q", ok, !ok, s)
		}
		if ok && (at.Before(time.Unix(0, 0)) || len(s) != len(prefix)+27) {
			t.Fatalf("%q accepted with time %v", s, at)
		}
	})
}
