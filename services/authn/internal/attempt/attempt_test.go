package attempt_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
)

var key = secret.NewKey()

func mac(a *attempt.Attempt, code string) [32]byte { return a.CodeMAC(key, secret.Wrap(code)) }

func begun() *attempt.Attempt {
	return &attempt.Attempt{ID: "att_1", Purpose: attempt.SignIn, CreatedAt: noon, ExpiresAt: noon.Add(15 * time.Minute)}
}

// sent is an attempt with these codes, sent a minute apart from noon on, each good for ten minutes.
func sent(codes ...string) *attempt.Attempt {
	a := begun()
	for i, code := range codes {
		at := noon.Add(time.Duration(i) * time.Minute)
		a.AddCode(mac(a, code), at.Add(10*time.Minute))
	}
	return a
}

func TestAnswerCode(t *testing.T) {
	for name, c := range map[string]struct {
		attempt *attempt.Attempt
		answer  string
		minute  int
		want    attempt.Outcome
	}{
		"the code":                            {sent("111111"), "111111", 1, attempt.Accepted},
		"another code":                        {sent("111111"), "111112", 1, attempt.Wrong},
		"no code":                             {sent("111111"), "", 1, attempt.Wrong},
		"any code when none was sent":         {begun(), "111111", 1, attempt.Wrong},
		"no code when none was sent":          {begun(), "", 1, attempt.Wrong},
		"the code, too late":                  {sent("111111"), "111111", 10, attempt.Expired},
		"the oldest of three":                 {sent("111111", "222222", "333333"), "111111", 3, attempt.Accepted},
		"the newest of three":                 {sent("111111", "222222", "333333"), "333333", 3, attempt.Accepted},
		"the oldest, voided by a fourth":      {sent("111111", "222222", "333333", "444444"), "111111", 4, attempt.Wrong},
		"the same code twice, one expired":    {sent("111111", "222222", "111111"), "111111", 11, attempt.Accepted},
		"the same code twice, the old is not": {sent("111111", "111111"), "111111", 1, attempt.Accepted},
	} {
		t.Run(name, func(t *testing.T) {
			now := noon.Add(time.Duration(c.minute) * time.Minute)
			if got := c.attempt.AnswerCode(mac(c.attempt, c.answer), now); got != c.want {
				t.Errorf("AnswerCode = %s, want %s", got, c.want)
			}
			if proved := c.attempt.Proofs.EmailCodeAt.Equal(now); proved != (c.want == attempt.Accepted) {
				t.Errorf("proved = %t", proved)
			}
		})
	}
}

func TestARightCodeVoidsAllOfThem(t *testing.T) {
	a := sent("111111", "222222")
	if got := a.AnswerCode(mac(a, "222222"), noon); got != attempt.Accepted {
		t.Fatalf("the first answer is %s", got)
	}
	for _, code := range []string{"111111", "222222"} {
		if got := a.AnswerCode(mac(a, code), noon); got != attempt.Wrong {
			t.Errorf("%s afterwards is %s", code, got)
		}
	}
}

func TestACodeIsBoundToItsAttemptAndPurpose(t *testing.T) {
	a := sent("111111")
	otherID, otherPurpose := *a, *a
	otherID.ID = "att_2"
	otherPurpose.Purpose = attempt.SignUp
	for name, presented := range map[string][32]byte{
		"another attempt's": mac(&otherID, "111111"),
		"another purpose's": mac(&otherPurpose, "111111"),
		"another key's":     a.CodeMAC(secret.NewKey(), secret.Wrap("111111")),
		"nothing":           {},
	} {
		if got := a.AnswerCode(presented, noon); got != attempt.Wrong {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Codes sent and answered in any order: at most the last three are good, each until its time is over, and one right answer voids them.
func TestCodes(t *testing.T) {
	type issued struct {
		code    string
		expires time.Time
	}
	rapid.Check(t, func(t *rapid.T) {
		a, now, number := begun(), noon, 0
		var live []issued
		t.Repeat(map[string]func(*rapid.T){
			"send": func(*rapid.T) {
				number++
				sent := issued{fmt.Sprintf("%06d", number), now.Add(10 * time.Minute)}
				live = append(live, sent)
				live = live[max(0, len(live)-3):]
				a.AddCode(mac(a, sent.code), sent.expires)
			},
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 6).Draw(t, "minutes")) * time.Minute)
			},
			"answer": func(t *rapid.T) {
				code := fmt.Sprintf("%06d", rapid.IntRange(0, number+1).Draw(t, "code"))
				want := attempt.Wrong
				if i := slices.IndexFunc(live, func(l issued) bool { return l.code == code }); i >= 0 {
					if want = attempt.Expired; now.Before(live[i].expires) {
						want, live = attempt.Accepted, nil
					}
				}
				if got := a.AnswerCode(mac(a, code), now); got != want {
					t.Fatalf("%s at %v is %s, want %s", code, now, got, want)
				}
			},
		})
	})
}

func TestABindingMatchesOnlyItself(t *testing.T) {
	digest := func(s string) secret.Digest { return secret.Hash(secret.Wrap(s)) }
	bound := attempt.Binding{ApplicationID: "app_1", Device: digest("device"), UserAgent: digest("agent")}
	noDevice := bound
	noDevice.Device = secret.Digest{}
	for name, c := range map[string]struct {
		a, b attempt.Binding
		want bool
	}{
		"the same":            {bound, bound, true},
		"both without device": {noDevice, noDevice, true},
		"another application": {bound, attempt.Binding{ApplicationID: "app_2", Device: bound.Device, UserAgent: bound.UserAgent}, false},
		"another device":      {bound, attempt.Binding{ApplicationID: "app_1", Device: digest("x"), UserAgent: bound.UserAgent}, false},
		"another browser":     {bound, attempt.Binding{ApplicationID: "app_1", Device: bound.Device, UserAgent: digest("x")}, false},
		"the device has gone": {bound, noDevice, false},
		"a device has come":   {noDevice, bound, false},
	} {
		if got := c.a.Matches(c.b); got != c.want {
			t.Errorf("%s: Matches = %t, want %t", name, got, c.want)
		}
	}
}

func TestLive(t *testing.T) {
	finished := begun()
	finished.FinishedAt = noon
	for name, c := range map[string]struct {
		attempt *attempt.Attempt
		minute  int
		want    bool
	}{
		"begun":             {begun(), 0, true},
		"expired":           {begun(), 15, false},
		"finished":          {finished, 0, false},
		"without an expiry": {&attempt.Attempt{}, 0, false},
	} {
		if got := c.attempt.Live(noon.Add(time.Duration(c.minute) * time.Minute)); got != c.want {
			t.Errorf("%s: Live = %t, want %t", name, got, c.want)
		}
	}
}

func TestAnswersLeftIsNeverBelowNone(t *testing.T) {
	for wrong, want := range map[int]int{0: 5, 4: 1, 5: 0, 9: 0} {
		a := attempt.Attempt{Wrong: wrong}
		if got := a.AnswersLeft(5); got != want {
			t.Errorf("after %d: %d left, want %d", wrong, got, want)
		}
	}
}

func TestAbandonedIsARightPasswordWithoutASession(t *testing.T) {
	for name, c := range map[string]struct {
		attempt attempt.Attempt
		want    bool
	}{
		"a right password":    {attempt.Attempt{Purpose: attempt.SignIn, Proofs: password}, true},
		"one withheld":        {attempt.Attempt{Purpose: attempt.SignIn, WithheldAt: noon}, true},
		"both, and a session": {attempt.Attempt{Purpose: attempt.SignIn, Proofs: password, WithheldAt: noon, FinishedAt: noon}, false},
		"nothing proved":      {attempt.Attempt{Purpose: attempt.SignIn}, false},
		"a session":           {attempt.Attempt{Purpose: attempt.SignIn, Proofs: password, FinishedAt: noon}, false},
		"a sign-up":           {attempt.Attempt{Purpose: attempt.SignUp, Proofs: signedUp}, false},
	} {
		if got := c.attempt.Abandoned(); got != c.want {
			t.Errorf("%s: Abandoned = %t, want %t", name, got, c.want)
		}
	}
}

func TestAMRNamesWhatWasProved(t *testing.T) {
	for name, c := range map[string]struct {
		proofs attempt.Proofs
		want   []string
	}{
		"a password":            {password, []string{"pwd"}},
		"a password and a code": {both, []string{"pwd", "otp"}},
		"a sign-up":             {signedUp, []string{"pwd", "otp"}},
	} {
		a := attempt.Attempt{Proofs: c.proofs}
		if got := a.AMR(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
