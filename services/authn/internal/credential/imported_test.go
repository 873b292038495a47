package credential

import (
	"errors"
	"strings"
	"testing"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/credential/foreign"
)

// Forms of the password "password" and, in bcrypt, of two others; foreign's tests say where they come from.
const (
	argon2iForm = "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"
	pbkdf2Form  = "$pbkdf2$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE"
	bcryptForm  = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	bcryptLong  = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
	longBegins  = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)

func TestAForeignPasswordIsRightAndIsToBeStoredAnew(t *testing.T) {
	h := quickHasher(t)
	for name, c := range map[string]struct {
		stored, password string
		want             Result
	}{
		"argon2i":                       {argon2iForm, "password", Result{OK: true, NeedsRehash: true}},
		"argon2i, wrong":                {argon2iForm, "passwort", Result{}},
		"pbkdf2":                        {pbkdf2Form, "password", Result{OK: true, NeedsRehash: true}},
		"pbkdf2, nothing":               {pbkdf2Form, "", Result{}},
		"pbkdf2, with a NUL":            {pbkdf2Form, "password\x00", Result{}},
		"pbkdf2, no text":               {pbkdf2Form, "password\xff", Result{}},
		"pbkdf2, 1 MiB":                 {pbkdf2Form, strings.Repeat("password", 1<<17), Result{}},
		"bcrypt, shorter than ours are": {bcryptForm, "U*U", Result{OK: true, NeedsRehash: true}},
		"bcrypt, all that it looks at":  {bcryptLong, longBegins, Result{OK: true, NeedsRehash: true}},
		"bcrypt, more than that":        {bcryptLong, longBegins + ", or not", Result{OK: true}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := h.Verify(WrapPHC(c.stored), secret.Wrap(c.password)); got != c.want || err != nil {
				t.Errorf("Verify = %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

// TestAForeignPasswordIsComparedAsTyped: the other system was given these bytes, composed or not.
func TestAForeignPasswordIsComparedAsTyped(t *testing.T) {
	h := quickHasher(t)
	// Computed with Python's hashlib, of "café" composed and decomposed.
	for stored, typed := range map[string][2]string{
		"pbkdf2_sha256$10$salt$aF7rdSj+RHaXkhWqrKYaD6n6pD+aLkDKzEjKP8VasWo=": {"caf\u00e9", "cafe\u0301"},
		"pbkdf2_sha256$10$salt$KU+IgA9HlLfEuC7Rd8j9lu1fgVhjFTlydvcYoiTAehw=": {"cafe\u0301", "caf\u00e9"},
	} {
		if got, err := h.Verify(WrapPHC(stored), secret.Wrap(typed[0])); !got.OK || err != nil {
			t.Errorf("%+q: %+v, %v", typed[0], got, err)
		}
		if got, err := h.Verify(WrapPHC(stored), secret.Wrap(typed[1])); got.OK || err != nil {
			t.Errorf("%+q: %+v, %v", typed[1], got, err)
		}
	}
}

func TestInspectSaysWhatAnImportMustKnow(t *testing.T) {
	for stored, want := range map[string]Inspection{
		referencePHC: {
			Kind: "argon2id", Work: 2 * 65536, MemoryKiB: 65536,
			Specimen: "$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		},
		argon2iForm: {
			Kind: "argon2i", Work: 2 * 256, MemoryKiB: 256,
			Specimen: "$argon2i$v=19$m=256,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		},
		bcryptForm: {Kind: "bcrypt", Work: 32, Specimen: "$2b$05$....................................................."},
	} {
		got, err := Inspect(WrapPHC(stored))
		if err != nil || got != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
		if again, err := Inspect(WrapPHC(got.Specimen)); err != nil || again != got {
			t.Errorf("of the specimen: %+v, %v; want %+v", again, err, got)
		}
	}
}

func TestInspectRefusesWhatCantBeChecked(t *testing.T) {
	overall := strings.Replace(referencePHC, "m=65536,t=2", "m=262144,t=5", 1)
	for stored, want := range map[string]error{
		"":                               foreign.ErrUnknown,
		"correct horse battery":          foreign.ErrUnknown,
		"$1$salt$O.aXVYNVrWLSxbN9g8tpo0": foreign.ErrUnknown,
		strings.Replace(bcryptForm, "05", "31", 1):                   foreign.ErrTooCostly,
		strings.Replace(referencePHC, "m=65536", "m=262145", 1):      foreign.ErrTooCostly,
		strings.Replace(referencePHC, "p=1", "p=17", 1):              foreign.ErrTooCostly,
		strings.Replace(referencePHC, "m=65536,t=2", "m=64,t=17", 1): foreign.ErrTooCostly,
		overall: foreign.ErrTooCostly,
		strings.Replace(referencePHC, "m=65536", "m=4295032832", 1): foreign.ErrMalformed,
		strings.Replace(referencePHC, "t=2", "t=0", 1):              foreign.ErrMalformed,
		strings.Replace(referencePHC, "v=19", "v=16", 1):            foreign.ErrMalformed,
		strings.Replace(referencePHC, "$c29tZXNhbHQ", "$c29t", 1):   foreign.ErrMalformed,
	} {
		_, err := Inspect(WrapPHC(stored))
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", stored, err, want)
			continue
		}
		if stored == "" || stored == overall {
			continue // nobody's, and one that may be stored but not imported
		}
		if _, err := quickHasher(t).Verify(WrapPHC(stored), secret.Wrap("password")); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: Verify = %v, want ErrMalformed", stored, err)
		}
	}
}
