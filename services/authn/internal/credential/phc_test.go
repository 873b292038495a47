package credential

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/doorward/doorward/internal/secret"
)

// referencePHC is a test vector of the reference implementation (P-H-C/phc-winner-argon2, src/test.c): the password
// "password" with the salt "somesalt".
const referencePHC = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

func TestParseRefusesOtherSpellings(t *testing.T) {
	if _, err := parse(WrapPHC(referencePHC)); err != nil {
		t.Fatalf("the canonical spelling: %v", err)
	}
	for name, edit := range map[string][2]string{
		"argon2i":             {"argon2id", "argon2i"},
		"older version":       {"v=19", "v=16"},
		"no version":          {"$v=19", ""},
		"other order":         {"m=65536,t=2,p=1", "t=2,m=65536,p=1"},
		"leading zero":        {"t=2", "t=02"},
		"plus sign":           {"t=2", "t=+2"},
		"a key id":            {"p=1", "p=1,keyid=AAAA"},
		"zero passes":         {"t=2", "t=0"},
		"many passes":         {"t=2", "t=17"},
		"no threads":          {"p=1", "p=0"},
		"threads overflow":    {"p=1", "p=257"},
		"4 GiB":               {"m=65536", "m=4194304"},
		"memory overflow":     {"m=65536", "m=4295032832"},
		"too little memory":   {"m=65536", "m=7"},
		"short salt":          {"c29tZXNhbHQ", "c29t"},
		"padded salt":         {"c29tZXNhbHQ", "c29tZXNhbHQ="},
		"stray bits":          {"c29tZXNhbHQ", "c29tZXNhbHR"},
		"line break":          {"c29tZXNhbHQ", "c29t\nZXNhbHQ"},
		"no key":              {"$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "$"},
		"missing field":       {"$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", ""},
		"extra field":         {"PPc", "PPc$"},
		"something in front":  {"$argon2id", "x$argon2id"},
		"very long":           {"c29tZXNhbHQ", strings.Repeat("A", 1<<20)},
		"base64url alphabet":  {"CTFhFdXPJO1", "CTFh-dXPJO1"},
		"space at the end":    {"PPc", "PPc "},
		"upper-case function": {"argon2id", "Argon2id"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(referencePHC, edit[0], edit[1], 1)
			if text == referencePHC {
				t.Fatal("the edit changes nothing")
			}
			if _, err := parse(WrapPHC(text)); !errors.Is(err, ErrMalformed) {
				t.Errorf("err = %v, want ErrMalformed", err)
			}
		})
	}
}

func TestStoredFormsDoNotPrint(t *testing.T) {
	stored := struct{ phc PHC }{WrapPHC(referencePHC)}
	if out := fmt.Sprintf("%v %+v %s %#v", stored, stored, stored.phc, stored.phc); strings.Contains(out, "c29tZXNhbHQ") {
		t.Errorf("printed: %s", out)
	}
}

func FuzzParseAcceptsOnlyWhatFormatWrites(f *testing.F) {
	f.Add(referencePHC)
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parse(WrapPHC(text))
		if err != nil {
			return
		}
		if got := parsed.format(); !got.Equal(secret.Wrap(text)) {
			t.Errorf("%q was read and is written as %q", text, got.Reveal())
		}
	})
}
