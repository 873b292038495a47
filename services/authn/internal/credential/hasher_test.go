package credential

import (
	"errors"
	"strings"
	"testing"

	"github.com/doorward/doorward/internal/secret"
)

// quick are the smallest parameters that argon2id has, for tests of anything but cost.
var quick = Params{MemoryKiB: 8, Time: 1, Threads: 1}

func quickHasher(t *testing.T) Hasher {
	t.Helper()
	h, err := NewHasher(quick)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func stored(t *testing.T, h Hasher, password string) PHC {
	t.Helper()
	phc, err := h.Renew(secret.Wrap(password))
	if err != nil {
		t.Fatal(err)
	}
	return phc
}

func TestVerifyAcceptsThePasswordAlone(t *testing.T) {
	h := quickHasher(t)
	long := strings.Repeat("a", MaxLength)
	for name, c := range map[string]struct {
		set, presented string
		want           bool
	}{
		"same":                       {"correct horse battery", "correct horse battery", true},
		"other":                      {"correct horse battery", "correct horse batterz", false},
		"other case":                 {"correct horse battery", "Correct horse battery", false},
		"nothing":                    {"correct horse battery", "", false},
		"a prefix":                   {"correct horse battery", "correct horse", false},
		"more":                       {"correct horse battery", "correct horse battery ", false},
		"spaces count":               {"  leading and trailing  ", "leading and trailing", false},
		"longest":                    {long, long, true},
		"differs in last character":  {long, long[:MaxLength-1] + "b", false},
		"beyond the longest":         {long, long + "a", false},
		"1 MiB":                      {"correct horse battery", strings.Repeat("a", 1<<20), false},
		"composed and decomposed":    {"caf\u00e9 caf\u00e9 caf\u00e9", "cafe\u0301 cafe\u0301 cafe\u0301", true},
		"compatible is not the same": {"\ufb01sh and chips", "fish and chips", false},
		"a NUL inside":               {"before\x00after", "before\x00other", false},
		"invalid UTF-8":              {"correct horse battery", "correct horse \xff", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := h.Verify(stored(t, h, c.set), secret.Wrap(c.presented))
			if err != nil || got.OK != c.want || got.NeedsRehash {
				t.Errorf("Verify = %+v, %v; want OK %v", got, err, c.want)
			}
		})
	}
}

func TestVerifyReadsHashesOfTheReferenceImplementation(t *testing.T) {
	got, err := quickHasher(t).Verify(WrapPHC(referencePHC), secret.Wrap("password"))
	if err != nil || !got.OK {
		t.Errorf("Verify = %+v, %v; want OK", got, err)
	}
}

func TestRehashIsAskedForWhenParametersChanged(t *testing.T) {
	h := quickHasher(t)
	old := Hasher{params: Params{MemoryKiB: 16, Time: 1, Threads: 1}, kernel: Argon2id}
	phc := stored(t, old, "correct horse battery")
	if got, _ := h.Verify(phc, secret.Wrap("correct horse battery")); got != (Result{OK: true, NeedsRehash: true}) {
		t.Errorf("right password: %+v", got)
	}
	if got, _ := h.Verify(phc, secret.Wrap("wrong horse battery")); got != (Result{}) {
		t.Errorf("wrong password: %+v, want nothing said about the stored form", got)
	}
}

func TestEveryCheckComputesOneHash(t *testing.T) {
	var calls int
	h := Hasher{params: quick, kernel: func(password, salt []byte, p Params, size uint32) []byte {
		calls++
		return Argon2id(password, salt, p, size)
	}}
	phc := stored(t, h, "correct horse battery")
	for name, c := range map[string]struct {
		stored   PHC
		password string
		want     error
	}{
		"right":              {phc, "correct horse battery", nil},
		"wrong":              {phc, "wrong horse battery", nil},
		"nothing":            {phc, "", nil},
		"1 MiB":              {phc, strings.Repeat("a", 1<<20), nil},
		"no such user":       {PHC{}, "correct horse battery", nil},
		"a malformed stored": {WrapPHC("$argon2id$"), "correct horse battery", ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			calls = 0
			if _, err := h.Verify(c.stored, secret.Wrap(c.password)); !errors.Is(err, c.want) {
				t.Errorf("err = %v, want %v", err, c.want)
			}
			if calls != 1 {
				t.Errorf("%d hashes, want 1", calls)
			}
		})
	}
}

func TestNobodyIsLetInWithoutAStoredPassword(t *testing.T) {
	h := quickHasher(t)
	for _, password := range []string{"", "correct horse battery"} {
		if got, err := h.Verify(PHC{}, secret.Wrap(password)); got.OK || err != nil {
			t.Errorf("Verify = %+v, %v", got, err)
		}
	}
}

func TestHashIsSaltedAndCanonical(t *testing.T) {
	h := quickHasher(t)
	a, b := stored(t, h, "correct horse battery"), stored(t, h, "correct horse battery")
	if a.Equal(b.Text) {
		t.Error("the same password was stored twice as the same string")
	}
	if _, err := parse(a); err != nil {
		t.Errorf("what Hash wrote isn't read: %v", err)
	}
}

func TestHashRefusesWhatNoPolicyAccepts(t *testing.T) {
	h := quickHasher(t)
	for _, password := range []string{"", "seven77", strings.Repeat("a", MaxLength+1), "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", "line one\nline two"} {
		if _, err := h.Hash(secret.Wrap(password)); !errors.Is(err, ErrUnacceptable) {
			t.Errorf("%d bytes: err = %v, want ErrUnacceptable", len(password), err)
		}
	}
}

// TestARightPasswordIsRenewedWhateverTheRulesSay: they are for new ones, and another system may have taken what we wouldn't.
func TestARightPasswordIsRenewedWhateverTheRulesSay(t *testing.T) {
	h := quickHasher(t)
	for _, password := range []string{"short", "tab\tinside a password", strings.Repeat("a", MaxLength+1)} {
		phc, err := h.Renew(secret.Wrap(password))
		if err != nil {
			t.Fatalf("%q: %v", password, err)
		}
		if got, err := h.Verify(phc, secret.Wrap(password)); err != nil || got != (Result{OK: true}) {
			t.Errorf("%q: Verify = %+v, %v", password, got, err)
		}
	}
	for _, password := range []string{"", "\xff", strings.Repeat("a", 1<<20)} {
		if _, err := h.Renew(secret.Wrap(password)); !errors.Is(err, ErrUnacceptable) {
			t.Errorf("%d bytes: err = %v, want ErrUnacceptable", len(password), err)
		}
	}
}

func TestTheEmptyPasswordIsNeverRight(t *testing.T) {
	h := quickHasher(t)
	salt := make([]byte, saltSize)
	phc := form{params: quick, salt: salt, key: Argon2id(nil, salt, quick, keySize)}.format()
	for _, password := range []string{"", "\xff", strings.Repeat("a", 1<<20)} {
		if got, err := h.Verify(phc, secret.Wrap(password)); got.OK || err != nil {
			t.Errorf("%d bytes: Verify = %+v, %v", len(password), got, err)
		}
	}
}

func TestParamsOutsideTheBoundsAreRefused(t *testing.T) {
	if _, err := NewHasher(DefaultParams()); err != nil {
		t.Errorf("defaults: %v", err)
	}
	for _, p := range []Params{{}, {MemoryKiB: 19456, Time: 2}, {MemoryKiB: 19456, Threads: 1}, {MemoryKiB: 8, Time: 1, Threads: 2}, {MemoryKiB: 1 << 30, Time: 1, Threads: 1}} {
		if _, err := NewHasher(p); err == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
}
