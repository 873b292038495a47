package enumeration_test

import (
	"errors"
	"regexp"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/doorward/doorward/internal/enumeration"
)

func TestStoredFormsAreWellFormedAndOfNoPasswordThatComesToMind(t *testing.T) {
	slow := []byte(enumeration.UnknownBcrypt("selftest-1-slow-00001", bcrypt.MinCost))
	if cost, err := bcrypt.Cost(slow); err != nil || cost != bcrypt.MinCost {
		t.Errorf("cost %d, %v", cost, err)
	}
	for _, password := range []string{"", "password", "selftest-1-slow-00001", "doorward selftest selftest-1-slow-00001"} {
		if err := bcrypt.CompareHashAndPassword(slow, []byte(password)); !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
			t.Errorf("%q: %v", password, err)
		}
	}
	form := regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`)
	if phc := enumeration.UnknownArgon2id("selftest-1-plai-00001"); !form.MatchString(phc) {
		t.Error(phc)
	}
}

// The row of an account is the same in every run: an import finds it again.
func TestStoredFormsAreAccountsOwnAndStay(t *testing.T) {
	one, again, other := enumeration.UnknownBcrypt("a", 10), enumeration.UnknownBcrypt("a", 10), enumeration.UnknownBcrypt("b", 10)
	if one != again || one == other {
		t.Errorf("%s, %s, %s", one, again, other)
	}
}
