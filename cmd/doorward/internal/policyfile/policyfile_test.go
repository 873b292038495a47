package policyfile_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/doorward/doorward/cmd/doorward/internal/policyfile"
	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

func sample() *authnv1.Policy {
	return &authnv1.Policy{
		SessionTokenLifetime: durationpb.New(90 * time.Second),
		SessionLifetime:      durationpb.New(7 * 24 * time.Hour),
		RefreshGrace:         durationpb.New(0),
		LockoutDuration:      durationpb.New(90 * time.Minute),
		LockoutFailures:      10,
		PasswordNeedsDigit:   true,
		PasswordContextWords: []string{"acme", "true", "a: b"},

		EnumerationMode:         authnv1.EnumerationMode_ENUMERATION_MODE_STRICT,
		BreachMode:              authnv1.BreachMode_BREACH_MODE_CORPUS_CONFIRMED_BY_RANGE,
		RestrictionAccessMode:   authnv1.AccessMode_ACCESS_MODE_INVITATION_ONLY,
		RestrictionAllowlist:    authnv1.AllowlistUse_ALLOWLIST_USE_OFF,
		RestrictionDisposable:   authnv1.DisposableUse_DISPOSABLE_USE_REFUSE,
		RestrictionSubaddresses: authnv1.SubaddressUse_SUBADDRESS_USE_ONE_PER_MAILBOX,
		RestrictionProviders:    []string{"example.com:+-", "example.org:"},
		ChallengeSignUp:         authnv1.SignUpChallenge_SIGN_UP_CHALLENGE_WHEN_RAISED,
	}
}

func TestAChoiceIsWrittenByItsWord(t *testing.T) {
	file := encoded(t, sample())
	for _, line := range []string{"restriction_access_mode: invitation_only", "restriction_allowlist: off", "breach_mode: corpus_confirmed_by_range", `restriction_separators: ""`} {
		if !strings.Contains(file, line+"\n") {
			t.Errorf("the file lacks %q:\n%s", line, file)
		}
	}
	for _, word := range []string{"unspecified", "ACCESS_MODE_OPEN", "closed", "1"} {
		got := sample()
		err := policyfile.Merge([]byte("restriction_access_mode: "+word), got, nil)
		if err == nil || !strings.Contains(err.Error(), "must be one of open, invitation_only") {
			t.Errorf("%s: %v", word, err)
		}
	}
	got := sample()
	if err := policyfile.Merge([]byte("restriction_access_mode: open\nrestriction_allowlist: off\n"), got, nil); err != nil || got.GetRestrictionAccessMode() != authnv1.AccessMode_ACCESS_MODE_OPEN {
		t.Errorf("open is read as %v: %v", got.GetRestrictionAccessMode(), err)
	}
}

func encoded(t *testing.T, p *authnv1.Policy) string {
	t.Helper()
	var out bytes.Buffer
	if err := policyfile.Encode(&out, p); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAPolicyComesBackFromItsFile(t *testing.T) {
	file := encoded(t, sample())
	for _, line := range []string{"session_lifetime: 7d", "session_token_lifetime: 1m30s", "lockout_duration: 1h30m", "lockout_failures: 10", "password_needs_digit: true"} {
		if !strings.Contains(file, line+"\n") {
			t.Errorf("the file lacks %q:\n%s", line, file)
		}
	}
	var got authnv1.Policy
	if err := policyfile.Merge([]byte(file), &got, nil); err != nil {
		t.Fatal(err)
	}
	if changes := policyfile.Diff(sample(), &got); len(changes) > 0 {
		t.Errorf("changed on the way: %v", changes)
	}
}

func TestWhatAFileDoesntNameStays(t *testing.T) {
	got, want := sample(), sample()
	if err := policyfile.Merge([]byte("lockout_failures: 20\nsession_lifetime: 36h\npassword_context_words: []\nrestriction_separators: +\n"), got, nil); err != nil {
		t.Fatal(err)
	}
	want.LockoutFailures, want.SessionLifetime, want.PasswordContextWords = 20, durationpb.New(36*time.Hour), nil
	want.RestrictionSeparators = "+"
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	changes := policyfile.Diff(sample(), got)
	if diff := cmp.Diff([]policyfile.Change{
		{"session_lifetime", "7d", "36h"},
		{"lockout_failures", "10", "20"},
		{"password_context_words", "[acme, true, a: b]", "[]"},
		{"restriction_separators", `""`, "+"},
	}, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestAFileWithFaultsSetsNothingAndSaysAllOfThem(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		says []string
	}{
		"unknown, twice and of the wrong kind": {
			"lockout_failures: 20\nlockout_failure: 3\nlockout_failures: many\nsession_lifetime: soon\npassword_needs_digit: yes\npassword_context_words: acme\ncodes_per_hour:\n",
			[]string{
				`line 2: there is no setting "lockout_failure"`, "line 3: lockout_failures is set twice", "line 4: session_lifetime: must be a time such as",
				"line 5: password_needs_digit: must be true or false", "line 6: password_context_words: must be a list", "line 7: codes_per_hour: must be a value",
			},
		},
		"by the name that a setting had before": {
			"lockout_failures: 20\nlockout_tries: 9\n", []string{"line 2: lockout_tries is called lockout_failures now"},
		},
		"a number that is too large": {"lockout_failures: 99999999999\n", []string{"line 1: lockout_failures: must be a whole number"}},
		"a list":                     {"- a\n", []string{"line 1: must be lines of `setting: value`"}},
		"empty":                      {"# nothing\n", []string{"the file is empty"}},
		"no YAML":                    {"a: [\n", []string{"not YAML"}},
		"too large":                  {strings.Repeat("#", policyfile.MaxSize+1), []string{"larger than"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := sample()
			err := policyfile.Merge([]byte(c.file), got, map[string]string{"lockout_tries": "lockout_failures"})
			if err == nil {
				t.Fatal("taken")
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error lacks %q: %v", part, err)
				}
			}
			if !proto.Equal(got, sample()) {
				t.Error("the policy was changed")
			}
		})
	}
}

// Whatever a file holds: it is refused and nothing is set, or what it says comes back when it is written.
func FuzzMerge(f *testing.F) {
	f.Add("lockout_failures: 20\nsession_lifetime: 7d\npassword_context_words: [a, 'true']\n")
	f.Add("session_token_lifetime: 1h2m3s\npassword_needs_digit: true\n")
	f.Add("a: &x [*x]\n")
	f.Add("- 1\n")
	f.Fuzz(func(t *testing.T, file string) {
		merged := sample()
		if err := policyfile.Merge([]byte(file), merged, nil); err != nil {
			if !proto.Equal(merged, sample()) {
				t.Fatal("refused, and yet changed")
			}
			return
		}
		again := sample()
		if err := policyfile.Merge([]byte(encoded(t, merged)), again, nil); err != nil {
			t.Fatalf("what was written isn't read: %v", err)
		}
		if changes := policyfile.Diff(merged, again); len(changes) > 0 {
			t.Errorf("changed on the way: %v", changes)
		}
	})
}
