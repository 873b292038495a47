package credential

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/internal/secret"
)

func names(problems []Problem) []Name {
	var out []Name
	for _, p := range problems {
		out = append(out, p.Name)
	}
	return out
}

func TestLengthIsCountedInCodePointsAfterNFC(t *testing.T) {
	for name, c := range map[string]struct {
		password string
		min, max int
		want     []Name
	}{
		"15 letters":                        {strings.Repeat("a", 15), 15, 0, nil},
		"14 letters":                        {strings.Repeat("a", 14), 15, 0, []Name{TooShort}},
		"15 code points of 4 bytes":         {strings.Repeat("\U0001F511", 15), 15, 0, nil},
		"8 letters of 2 code points":        {strings.Repeat("e\u0301", 8), 15, 0, []Name{TooShort}},
		"256 code points of 4 bytes":        {strings.Repeat("\U0001F511", 256), 15, 0, nil},
		"257 letters":                       {strings.Repeat("a", 257), 15, 0, []Name{TooLong}},
		"1 MiB":                             {strings.Repeat("a", 1<<20), 15, 0, []Name{TooLong}},
		"empty":                             {"", 15, 0, []Name{TooShort}},
		"a policy can't go below 8":         {"seven77", 1, 0, []Name{TooShort}},
		"a policy can't go above 256":       {strings.Repeat("a", 257), 15, 1000, []Name{TooLong}},
		"a policy's own maximum":            {strings.Repeat("a", 65), 15, 64, []Name{TooLong}},
		"no UTF-8":                          {"\xff" + strings.Repeat("a", 20), 15, 0, []Name{NotText}},
		"only digits and spaces is allowed": {"1234 1234 1234 1234", 15, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			rules := Rules{MinLength: c.min, MaxLength: c.max}
			if got := names(rules.Check(secret.Wrap(c.password))); !slices.Equal(got, c.want) {
				t.Errorf("Check = %v, want %v", got, c.want)
			}
		})
	}
}

func TestEveryPrintableCharacterAndSpaceIsTaken(t *testing.T) {
	for name, c := range map[string]struct {
		character string
		taken     bool
	}{
		"a space":                          {" ", true},
		"a no-break space":                 {"\u00a0", true},
		"an ideographic space":             {"\u3000", true},
		"a quote":                          {`"`, true},
		"a backslash":                      {`\`, true},
		"a letter with a mark":             {"q\u0301", true},
		"a mark alone":                     {"\u0301", true},
		"a Persian word's joint":           {"می\u200cخواهم", true},
		"an emoji of three":                {"👩\u200d🚀", true},
		"an emoji with its variation":      {"❤\ufe0f", true},
		"the flag of Scotland":             {"🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", true},
		"an Arabic number sign":            {"\u0600", true},
		"a newer script":                   {"\U0001e4d0", true},
		"a tab":                            {"\t", false},
		"a line's end":                     {"\n", false},
		"a NUL":                            {"\x00", false},
		"a delete":                         {"\x7f", false},
		"a control of Latin-1":             {"\u0085", false},
		"a line separator":                 {"\u2028", false},
		"a soft hyphen":                    {"\u00ad", false},
		"a mark of direction":              {"\u200e", false},
		"an embedding":                     {"\u202b", false},
		"a byte order mark":                {"\ufeff", false},
		"of private use":                   {"\uf8ff", false},
		"no character":                     {"\uffff", false},
		"a code point not assigned so far": {"\U000dffff", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := names(Rules{}.Check(secret.Wrap("a password with " + c.character)))
			want := []Name{NotPrintable}
			if c.taken {
				want = nil
			}
			if !slices.Equal(got, want) {
				t.Errorf("Check = %v, want %v", got, want)
			}
		})
	}
}

func TestCompositionIsAskedForOnlyWhereThePolicySaysSo(t *testing.T) {
	all := Composition{Lower: true, Upper: true, Digit: true, Symbol: true}
	for name, c := range map[string]struct {
		composition Composition
		password    string
		want        []Name
	}{
		"nothing is asked for": {Composition{}, "allletters", nil},
		"all, and there":       {all, "aB3$ aB3$", nil},
		"a space is a symbol":  {all, "aB3 aB3a", nil},
		"in other scripts":     {all, "жЖ٣。жЖ٣。", nil},
		"all, and none there":  {all, "漢字漢字漢字漢字", []Name{NoLower, NoUpper, NoDigit, NoSymbol}},
		"lower":                {Composition{Lower: true}, "ABCDEFGH", []Name{NoLower}},
		"upper":                {Composition{Upper: true}, "abcdefgh", []Name{NoUpper}},
		"digit":                {Composition{Digit: true}, "abcdefgh", []Name{NoDigit}},
		"symbol":               {Composition{Symbol: true}, "abcdefg1", []Name{NoSymbol}},
		"and it is too short":  {all, "abc", []Name{TooShort, NoUpper, NoDigit, NoSymbol}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := names(Rules{Composition: c.composition}.Check(secret.Wrap(c.password))); !slices.Equal(got, c.want) {
				t.Errorf("Check = %v, want %v", got, c.want)
			}
		})
	}
}

func TestJudgeAsksForTheScoreAndSaysWhatIsWeak(t *testing.T) {
	for name, c := range map[string]struct {
		password string
		score    int
		want     []Name
	}{
		"strong":                 {"correct horse battery staple", 4, nil},
		"weak, and any will do":  {"passwordpassword", 0, nil},
		"weak":                   {"passwordpassword", 1, []Name{TooWeak, "repeat", "common_password"}},
		"the owner's":            {"ada.lovelace 1", 3, []Name{TooWeak, "own_word"}},
		"the operator's":         {"Acme Rockets!", 3, []Name{TooWeak, "own_word"}},
		"ours":                   {"doorwarddoorward", 3, []Name{TooWeak, "repeat", "own_word"}},
		"no text":                {"\xff", 0, []Name{NotText}},
		"decomposed is the same": {"e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301", 3, []Name{TooWeak, "repeat"}},
	} {
		t.Run(name, func(t *testing.T) {
			rules := Rules{MinScore: c.score, ContextWords: []string{"Acme", "rockets"}}
			got := names(rules.Judge(secret.Wrap(c.password), []string{"ada.lovelace@example.org"}))
			if !slices.Equal(got, c.want) {
				t.Errorf("Judge = %v, want %v", got, c.want)
			}
		})
	}
}

// TestAProblemNeverHoldsThePassword: its text is one of ours, whatever was typed.
func TestAProblemNeverHoldsThePassword(t *testing.T) {
	rules := Rules{MinLength: 15, MinScore: 4, Composition: Composition{Upper: true, Digit: true}, ContextWords: []string{"acme"}}
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9]{8,20}`), rapid.Just("acmeacme passwordpassword")).Draw(t, "password")
		problems := append(rules.Check(secret.Wrap(password)), rules.Judge(secret.Wrap(password), nil)...)
		if len(problems) > 10 {
			t.Fatalf("%d problems", len(problems))
		}
		for _, p := range problems {
			if p.Text != rules.text(p.Name) || p.Text == "is not acceptable" || p.Name == "" {
				t.Fatalf("%+v", p)
			}
			if utf8.RuneCountInString(password) >= 8 && strings.Contains(p.Text, password) {
				t.Fatalf("%q holds the password", p.Text)
			}
		}
	})
}

func TestHashNewJudgesBeforeItHashes(t *testing.T) {
	p, _ := testPool(t)
	rules := Rules{MinLength: 15, MinScore: 3}
	for password, want := range map[string][]Name{
		"short":            {TooShort},
		"passwordpassword": {TooWeak, "repeat", "common_password"},
	} {
		phc, problems, err := begin(t, p, Stranger).HashNew(t.Context(), secret.Wrap(password), rules, nil)
		if err != nil || !phc.IsZero() || !slices.Equal(names(problems), want) {
			t.Errorf("%s: %v, stored %t, %v", password, problems, !phc.IsZero(), err)
		}
	}
	const good = "correct horse battery staple"
	phc, problems, err := begin(t, p, Stranger).HashNew(t.Context(), secret.Wrap(good), rules, nil)
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v, %v", problems, err)
	}
	if got, err := p.hasher.Verify(phc, secret.Wrap(good)); err != nil || !got.OK {
		t.Errorf("Verify = %+v, %v", got, err)
	}
}
