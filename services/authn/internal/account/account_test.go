package account_test

import (
	"errors"
	"testing"
	"time"

	"github.com/doorward/doorward/services/authn/internal/account"
)

func TestPrimaryIsTheOldestPresentVerifiedAddress(t *testing.T) {
	var never time.Time
	unverified := address("unverified", never, never, false)
	removed := address("removed", noon, noon, false)
	one, two := address("one", noon, never, false), address("two", noon, never, false)
	for name, c := range map[string]struct {
		emails []account.Email
		want   string
	}{
		"none":                  {nil, ""},
		"one":                   {[]account.Email{one}, "one"},
		"the first of two":      {[]account.Email{one, two}, "one"},
		"not a removed one":     {[]account.Email{removed, two}, "two"},
		"not an unverified one": {[]account.Email{unverified, two}, "two"},
		"none that is good":     {[]account.Email{removed, unverified}, ""},
	} {
		user := account.User{Emails: c.emails}
		if got, ok := user.Primary(); got.Canonical != c.want || ok != (c.want != "") {
			t.Errorf("%s: Primary = %q, %t; want %q", name, got.Canonical, ok, c.want)
		}
	}
}

func TestContainedPassword(t *testing.T) {
	var none *account.Password
	if none.Contained() {
		t.Error("no password is contained")
	}
	if p := (&account.Password{PHC: "$argon2id$", SetAt: noon}); p.Contained() {
		t.Error("a good password is contained")
	}
	if p := (&account.Password{PHC: "$argon2id$", SetAt: noon, ContainedAt: noon}); !p.Contained() {
		t.Error("a contained password is good")
	}
}

func TestEpochAndVersionOnlyRise(t *testing.T) {
	user := account.User{Epoch: 4, Version: 7}
	user.RaiseEpoch()
	if user.Epoch != 5 || user.Version != 7 {
		t.Errorf("epoch %d, version %d; want 5, 7", user.Epoch, user.Version)
	}
	if got := user.Changed(); got != 8 || user.Version != 8 {
		t.Errorf("Changed = %d, version %d; want 8", got, user.Version)
	}
}

func TestARestoredUserIsAheadOfAllThatWasSeen(t *testing.T) {
	// A backup at version 40; since then a view has seen the user change a thousand times a second, for a year.
	const year = 365 * 24 * time.Hour
	u := account.User{Version: 40, Epoch: 3}
	seen := u.Version + uint64(1000*int64(year/time.Second))
	if err := u.Restore(noon.Add(year)); err != nil || u.Version <= seen || u.Epoch != 4 {
		t.Errorf("version %d after %d was seen, epoch %d: %v", u.Version, seen, u.Epoch, err)
	}
	// Restored again a minute later, from the same backup: what was seen of the first restore is past too.
	again := account.User{Version: 40, Epoch: 3}
	if err := again.Restore(noon.Add(year + time.Minute)); err != nil || again.Version <= u.Version+1000 {
		t.Errorf("version %d after %d: %v", again.Version, u.Version, err)
	}
	if again.Version >= 1<<53 {
		t.Errorf("version %d can't be held by every reader of JSON", again.Version)
	}
}

func TestARestoreOnAnEarlierClockIsRefused(t *testing.T) {
	u := account.User{Version: 40}
	if err := u.Restore(noon); err != nil {
		t.Fatal(err)
	}
	before := u
	if err := u.Restore(noon.Add(-time.Minute)); !errors.Is(err, account.ErrClock) || u.Version != before.Version || u.Epoch != before.Epoch {
		t.Errorf("Restore = %v, version %d after %d", err, u.Version, before.Version)
	}
}
