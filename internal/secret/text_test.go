package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/doorward/doorward/internal/secret"
)

const hidden = "hunter2-hunter2"

// holder keeps its secrets where fmt can't call their methods.
type holder struct {
	password secret.Text
	key      secret.Key
}

// printed is everything that common printers make of v, in one string.
func printed(t *testing.T, v any) string {
	t.Helper()
	var b strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	asJSON, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	b.Write(asJSON)
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v)
	return b.String()
}

func TestNothingPrintsASecret(t *testing.T) {
	text := secret.Wrap(hidden)
	key, err := secret.KeyFrom([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{
		"text":            text,
		"pointer to text": &text,
		"key":             key,
		"slice":           []secret.Text{text},
		"exported fields": struct {
			Password secret.Text
			Key      secret.Key
		}{text, key},
		"unexported fields": holder{password: text, key: key},
		"pointer to holder": &holder{password: text, key: key},
	} {
		t.Run(name, func(t *testing.T) {
			out := printed(t, v)
			for _, leak := range []string{hidden, fmt.Sprintf("%x", hidden), "0123456789abcdef", "48 49 50 51", "0x30, 0x31"} {
				if strings.Contains(out, leak) {
					t.Errorf("the output shows %q:\n%s", leak, out)
				}
			}
		})
	}
	if got := fmt.Sprint(text); got != "[redacted]" {
		t.Errorf("Sprint = %q", got)
	}
}

func TestRevealGivesBackWhatWasWrapped(t *testing.T) {
	if got := secret.Wrap(hidden).Reveal(); got != hidden {
		t.Errorf("Reveal = %q", got)
	}
	var zero secret.Text
	if zero.Reveal() != "" || !zero.IsZero() || !secret.Wrap("").IsZero() {
		t.Error("the zero Text isn't empty")
	}
}

func TestNewTokensAreLongAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		token := secret.New("drt").Reveal()
		if len(token) != len("drt_")+43 || !strings.HasPrefix(token, "drt_") {
			t.Fatalf("New = %q, want drt_ and 43 characters", token)
		}
		seen[token] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d distinct tokens of 1000", len(seen))
	}
}

func TestCode6IsSixDigitsAndSpreads(t *testing.T) {
	var first [10]int
	const n = 20_000
	for range n {
		code := secret.Code6().Reveal()
		if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
			t.Fatalf("Code6 = %q", code)
		}
		first[code[0]-'0']++
	}
	// Each leading digit is expected 2000 times with a deviation of 42; ten deviations never happen by chance.
	for digit, count := range first {
		if count < 1575 || count > 2425 {
			t.Errorf("leading digit %d came %d times of %d", digit, count, n)
		}
	}
}

func TestDigestMatchesOnlyItsToken(t *testing.T) {
	token := secret.New("drt")
	stored := secret.Hash(token)
	for name, c := range map[string]struct {
		stored    secret.Digest
		presented secret.Text
		want      bool
	}{
		"same token":              {stored, secret.Wrap(token.Reveal()), true},
		"another token":           {stored, secret.New("drt"), false},
		"no token":                {stored, secret.Text{}, false},
		"nothing stored":          {secret.Digest{}, token, false},
		"neither":                 {secret.Digest{}, secret.Text{}, false},
		"hash of nothing, absent": {secret.Hash(secret.Text{}), secret.Text{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.stored.Matches(c.presented); got != c.want {
				t.Errorf("Matches = %v, want %v", got, c.want)
			}
		})
	}
}

func TestDigestFromRefusesOtherLengths(t *testing.T) {
	want := secret.Hash(secret.Wrap("x"))
	if got, ok := secret.DigestFrom(want[:]); !ok || !got.Equal(want) {
		t.Error("a stored digest isn't read back")
	}
	for _, n := range []int{0, 31, 33} {
		if _, ok := secret.DigestFrom(make([]byte, n)); ok {
			t.Errorf("a digest of %d bytes was accepted", n)
		}
	}
}

func TestDigestIsHexInRecords(t *testing.T) {
	type record struct{ Stored secret.Digest }
	want := record{secret.Hash(secret.Wrap("x"))}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf(`{"Stored":"%x"}`, want.Stored[:]); got != string(raw) {
		t.Errorf("the record is %s, want %s", raw, got)
	}
	var got record
	if err := json.Unmarshal(raw, &got); err != nil || !got.Stored.Equal(want.Stored) {
		t.Errorf("read back = %v, %v", got, err)
	}
	for name, text := range map[string]string{
		"empty": "", "short": strings.Repeat("ab", 31), "long": strings.Repeat("ab", 33), "not hex": strings.Repeat("zz", 32),
	} {
		got := want.Stored
		if err := got.UnmarshalText([]byte(text)); err == nil || !got.Equal(want.Stored) {
			t.Errorf("%s: err = %v; a digest was read, or the old one lost", name, err)
		}
	}
}
