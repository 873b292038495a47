package strength_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/authn/internal/strength"
)

func TestOf(t *testing.T) {
	owner := []string{"ada.lovelace@example.org", "Ada Lovelace", "Acme Rockets", "doorward", "Мария"}
	for password, want := range map[string]struct {
		score      int
		weaknesses []strength.Weakness
	}{
		"":                               {0, nil},
		"correct horse battery staple":   {4, nil},
		"an altogether different phrase": {4, nil},
		"xq7-Lmw2#vT9zRk4":               {4, nil},
		"我们都是好朋友今天天气很好啊对吧": {4, nil},
		"passwordpassword":                   {0, []strength.Weakness{strength.Repeat, strength.CommonPassword}},
		"passwort passwort":                  {0, []strength.Weakness{strength.Repeat, strength.CommonPassword}},
		"letmein sunshine":                   {0, []strength.Weakness{strength.CommonPassword}},
		"this is my password":                {2, []strength.Weakness{strength.CommonWord, strength.CommonPassword}},
		"jennifer anderson":                  {0, []strength.Weakness{strength.Name}},
		"zxcvfrewqazxcvfrewq":                {0, []strength.Weakness{strength.Repeat, strength.Keyboard}},
		"aaaaaaaaaaaaaaaa":                   {0, []strength.Weakness{strength.Repeat}},
		"éééééééééééééééé":                   {0, []strength.Weakness{strength.Repeat}},
		"пппппппппппппппп":                   {0, []strength.Weakness{strength.Repeat}},
		"xq7!xq7!xq7!xq7!xq7!":               {1, []strength.Weakness{strength.Repeat}},
		"ADXQadxqadxqadxq":                   {0, []strength.Weakness{strength.Repeat}},
		"abcdefghijklmnopqrst":               {0, []strength.Weakness{strength.Sequence}},
		"9876543210fedcba":                   {0, []strength.Weakness{strength.Sequence}},
		"12.03.1985":                         {0, []strength.Weakness{strength.Date}},
		"born on 12.03.1985":                 {4, nil},
		"P@ssw0rdP@ssw0rd":                   {0, []strength.Weakness{strength.Repeat, strength.CommonPassword}},
		"p455w0rd 5un5h1n3":                  {0, []strength.Weakness{strength.CommonPassword}},
		"ada.lovelace@example.org":           {0, []strength.Weakness{strength.OwnWord}},
		"AdaLovelace1815":                    {0, []strength.Weakness{strength.OwnWord}},
		"Adà Lövelâce":                       {0, []strength.Weakness{strength.OwnWord}},
		"acmerockets acme":                   {0, []strength.Weakness{strength.OwnWord}},
		"@cm3 r0ck3t$ d00rw4rd":              {0, []strength.Weakness{strength.OwnWord}},
		"мария мария":                        {0, []strength.Weakness{strength.Repeat, strength.OwnWord}},
		"ｐａｓｓｗｏｒｄ":                           {0, []strength.Weakness{strength.CommonPassword}},
		strings.Repeat("x", 64) + "q7-Lmw2#": {0, []strength.Weakness{strength.Repeat}}, // beyond what is looked at
	} {
		t.Run(password, func(t *testing.T) {
			got := strength.Of(password, owner)
			if got.Score != want.score || want.score < 3 && !slices.Equal(got.Weaknesses, want.weaknesses) {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

func TestTheOwnersWordsCostGuessersNothing(t *testing.T) {
	const password = "quintessa-vanderbloom"
	if got := strength.Of(password, nil); got.Score < 3 {
		t.Fatalf("for others: %+v", got)
	}
	for _, own := range []string{
		"Quintessa Vanderbloom", "quintessa@vanderbloom.example", "quintessa.vanderbloom@example.org", "QUINTESSA-VANDERBLOOM",
	} {
		got := strength.Of(password, []string{own})
		if got.Score > 1 || !slices.Contains(got.Weaknesses, strength.OwnWord) {
			t.Errorf("for %s: %+v", own, got)
		}
	}
}

// TestAnyTextIsJudgedAlike: whatever is typed gets a score, the same again, and no more weaknesses than a page shows.
func TestAnyTextIsJudgedAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a4@1!|70o$5]{0,12}`), rapid.StringMatching(`[0-9]{1,2}[./ -][0-9]{1,2}[./ -][0-9]{2,4}`),
			rapid.SampledFrom([]string{"qwerty", "password", "ada", "é", "İ", "ß", "\u0130", "\xff", "\x7f", "ﬃ", "ŉ", "aaaa", "cba", "zyx"}))
		password := strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "password"), "")
		own := rapid.SliceOfN(piece, 0, 4).Draw(t, "own")
		got := strength.Of(password, own)
		if got.Score < 0 || got.Score > strength.MaxScore || len(got.Weaknesses) > 3 {
			t.Fatalf("%+v", got)
		}
		if again := strength.Of(password, own); again.Score != got.Score {
			t.Fatalf("%+v, then %+v", got, again)
		}
	})
}

func FuzzOf(f *testing.F) {
	f.Add("correct horse battery staple", "ada@example.org")
	f.Add("4@8({[<369!1|70$5+%2x", "")
	f.Add("1.1.11 1985-12-03 200199", "İé@ß")
	f.Fuzz(func(t *testing.T, password, own string) {
		if utf8.RuneCountInString(password) > 256 {
			return
		}
		if got := strength.Of(password, []string{own}); got.Score < 0 || got.Score > strength.MaxScore || len(got.Weaknesses) > 3 {
			t.Errorf("%+v", got)
		}
	})
}
