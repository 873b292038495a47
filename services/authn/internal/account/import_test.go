package account_test

import (
	"testing"
	"time"

	"github.com/doorward/doorward/services/authn/internal/account"
)

func TestAWindowIsOpenWhileTheImportAndThePolicySaySo(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		imported *account.Import
		longest  time.Duration
		after    time.Duration
		want     bool
	}{
		"one that signed up here":     {nil, 14 * day, 0, false},
		"no window":                   {&account.Import{At: noon}, 14 * day, 0, false},
		"at its start":                {&account.Import{At: noon, LearnUntil: noon.Add(7 * day)}, 14 * day, 0, true},
		"before its end":              {&account.Import{At: noon, LearnUntil: noon.Add(7 * day)}, 14 * day, 7*day - 1, true},
		"at its end":                  {&account.Import{At: noon, LearnUntil: noon.Add(7 * day)}, 14 * day, 7 * day, false},
		"at the policy's end":         {&account.Import{At: noon, LearnUntil: noon.Add(7 * day)}, 2 * day, 2 * day, false},
		"with a policy that has none": {&account.Import{At: noon, LearnUntil: noon.Add(7 * day)}, 0, 0, false},
		"before the import":           {&account.Import{At: noon, LearnUntil: noon.Add(7 * day)}, 14 * day, -1, false},
	} {
		user := account.User{Import: c.imported}
		if got := user.Learns(c.longest, noon.Add(c.after)); got != c.want {
			t.Errorf("%s: open = %t, want %t", name, got, c.want)
		}
		user.StopLearning()
		if user.Learns(14*day, noon) {
			t.Errorf("%s: it goes on", name)
		}
	}
}

func TestProvenIsTheAddressThatNamesTheUser(t *testing.T) {
	user := account.User{Emails: []account.Email{
		{Canonical: "gone", RemovedAt: noon, Claimed: true}, {Canonical: "waits"}, {Canonical: "claimed", Claimed: true}, {Canonical: "other", Claimed: true},
	}}
	if primary, ok := user.Primary(); !ok || primary.Canonical != "claimed" {
		t.Errorf("codes go to %q, %t", primary.Canonical, ok)
	}
	user.Proven(noon)
	for i, proven := range []bool{false, false, true, false} {
		if e := user.Emails[i]; e.VerifiedAt.Equal(noon) != proven || proven && e.Claimed {
			t.Errorf("%+v; proven = %t is wanted", e, proven)
		}
	}
	user.Proven(noon.Add(1))
	if !user.Emails[2].VerifiedAt.Equal(noon) {
		t.Error("it was proved again")
	}
}
