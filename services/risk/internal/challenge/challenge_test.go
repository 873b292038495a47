package challenge_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	altcha "github.com/altcha-org/altcha-lib-go"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/risk/internal/challenge"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// desk is an issuer whose clock is set by hand.
type desk struct {
	*challenge.Issuer
	t   testing.TB
	now time.Time
}

func newDesk(t testing.TB, key secret.Key, most int) *desk {
	t.Helper()
	d := &desk{t: t, now: noon}
	var err error
	d.Issuer, err = challenge.New(challenge.Config{Key: key, Lifetime: 5 * time.Minute, MaxSpent: most, Now: func() time.Time { return d.now }})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) issue(purpose challenge.Purpose) challenge.Challenge {
	d.t.Helper()
	return d.issueFor(purpose, "")
}

func (d *desk) issueFor(purpose challenge.Purpose, try string) challenge.Challenge {
	d.t.Helper()
	c, err := d.Issue(purpose, challenge.MinDifficulty, try)
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// Redeem is the issuer's, for tests that ask after no try.
func (d *desk) Redeem(purpose challenge.Purpose, solution string) error {
	_, err := d.Issuer.Redeem(purpose, 0, solution)
	return err
}

// solve does a browser's work.
func solve(t testing.TB, c challenge.Challenge) altcha.Payload {
	t.Helper()
	found, err := altcha.SolveChallengeSafe(c.Challenge.Challenge, c.Salt, altcha.Algorithm(c.Algorithm), int(c.MaxNumber), 0, nil)
	if err != nil || found == nil {
		t.Fatalf("no number solves it: %v", err)
	}
	return altcha.Payload{Algorithm: c.Algorithm, Challenge: c.Challenge.Challenge, Number: int64(found.Number), Salt: c.Salt, Signature: c.Signature}
}

func encode(t testing.TB, p altcha.Payload) string {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(text)
}

func TestASolutionIsRedeemedOnce(t *testing.T) {
	d := newDesk(t, secret.NewKey(), 10)
	solution := encode(t, solve(t, d.issue(challenge.SignUp)))
	if err := d.Redeem(challenge.SignUp, solution); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Redeem(challenge.SignUp, solution); !errors.Is(err, challenge.ErrSpent) {
			t.Errorf("a second time: %v, want ErrSpent", err)
		}
		d.now = d.now.Add(4 * time.Minute)
	}
	d.now = noon.Add(5 * time.Minute)
	if err := d.Redeem(challenge.SignUp, solution); !errors.Is(err, challenge.ErrExpired) {
		t.Errorf("after its time: %v, want ErrExpired", err)
	}
}

func TestASolutionNamesTheTryThatWasSentAwayForIt(t *testing.T) {
	d := newDesk(t, secret.NewKey(), 10)
	for _, try := range []string{"", "dec_06h0b3yfpg2v4w8zpg9bx4a1w0", "dec_" + strings.Repeat("z", 60), "a&purpose=sign_up"} {
		solved := encode(t, solve(t, d.issueFor(challenge.SignIn, try)))
		if got, err := d.Issuer.Redeem(challenge.SignIn, 0, solved); err != nil || got != try {
			t.Errorf("redeemed for %q, %v; want %q", got, err, try)
		}
		if got, err := d.Issuer.Redeem(challenge.SignIn, 0, solved); err == nil || got != "" {
			t.Errorf("a second time for %q, %v", got, err)
		}
	}
	p := solve(t, d.issueFor(challenge.SignIn, "dec_1"))
	p.Salt = strings.Replace(p.Salt, "dec_1", "dec_2", 1)
	if got, err := d.Issuer.Redeem(challenge.SignIn, 0, encode(t, p)); !errors.Is(err, challenge.ErrUnsolved) || got != "" {
		t.Errorf("for another's try: %q, %v; want ErrUnsolved", got, err)
	}
}

func TestASolutionOfTooLittleWorkIsntTakenNorUsedUp(t *testing.T) {
	d := newDesk(t, secret.NewKey(), 10)
	solution := func(difficulty int64) string {
		c, err := d.Issue(challenge.Code, difficulty, "dec_1")
		if err != nil {
			t.Fatal(err)
		}
		return encode(t, solve(t, c))
	}
	easy, hard := solution(4000), solution(8000)
	for _, c := range []struct {
		solution string
		least    int64
		want     error
	}{
		{easy, 4001, challenge.ErrEasy},
		{easy, challenge.MaxDifficulty, challenge.ErrEasy},
		{easy, 4000, nil},
		{easy, 4001, challenge.ErrEasy},
		{easy, 4000, challenge.ErrSpent},
		{hard, 4001, nil},
	} {
		try, err := d.Issuer.Redeem(challenge.Code, c.least, c.solution)
		if !errors.Is(err, c.want) || (try != "") != (c.want == nil) {
			t.Errorf("for %d: %q, %v; want %v", c.least, try, err, c.want)
		}
	}
	p := solve(t, d.issue(challenge.Code))
	for _, said := range []string{"work=9000000", "work=", "hard=1000"} {
		spoilt := p
		spoilt.Salt = strings.Replace(p.Salt, "work=1000", said, 1)
		if err := d.Redeem(challenge.Code, encode(t, spoilt)); !errors.Is(err, challenge.ErrUnsolved) {
			t.Errorf("with %s: %v, want ErrUnsolved", said, err)
		}
	}
	// Digits that move from the number into the salt are another parameter, and no more work.
	moved, digits := p, strconv.FormatInt(p.Number, 10)
	if moved.Salt, moved.Number = p.Salt+digits[:1], 0; len(digits) > 1 {
		moved.Number, _ = strconv.ParseInt(digits[1:], 10, 64)
		if _, err := d.Issuer.Redeem(challenge.Code, challenge.MinDifficulty+1, encode(t, moved)); err == nil {
			t.Error("more work by other digits")
		}
	}
}

func TestRedeemRefuses(t *testing.T) {
	key := secret.NewKey()
	for name, c := range map[string]struct {
		spoil   func(*altcha.Payload)
		purpose challenge.Purpose
		at      time.Duration
		want    error
	}{
		"as it was made":          {func(*altcha.Payload) {}, challenge.SignIn, 0, nil},
		"for another purpose":     {func(*altcha.Payload) {}, challenge.SignUp, 0, challenge.ErrElsewhere},
		"for a purpose of nobody": {func(*altcha.Payload) {}, "", 0, challenge.ErrElsewhere},
		"in its last second":      {func(*altcha.Payload) {}, challenge.SignIn, 5*time.Minute - time.Second, nil},
		"too late":                {func(*altcha.Payload) {}, challenge.SignIn, 5 * time.Minute, challenge.ErrExpired},
		"another number":          {func(p *altcha.Payload) { p.Number++ }, challenge.SignIn, 0, challenge.ErrUnsolved},
		"a negative number":       {func(p *altcha.Payload) { p.Number = -1 }, challenge.SignIn, 0, challenge.ErrUnsolved},
		"another signature":       {func(p *altcha.Payload) { p.Signature = strings.Repeat("0", 64) }, challenge.SignIn, 0, challenge.ErrUnsolved},
		"another algorithm":       {func(p *altcha.Payload) { p.Algorithm = "SHA-1" }, challenge.SignIn, 0, challenge.ErrUnsolved},
		"a longer life": {func(p *altcha.Payload) {
			p.Salt = strings.Replace(p.Salt, "expires=", "expires=9", 1)
		}, challenge.SignIn, 0, challenge.ErrUnsolved},
		"its purpose said anew": {func(p *altcha.Payload) {
			p.Salt = strings.Replace(p.Salt, "sign_in", "sign_up", 1)
		}, challenge.SignUp, 0, challenge.ErrUnsolved},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, key, 10)
			p := solve(t, d.issue(challenge.SignIn))
			c.spoil(&p)
			d.now = noon.Add(c.at)
			if err := d.Redeem(c.purpose, encode(t, p)); !errors.Is(err, c.want) {
				t.Errorf("Redeem = %v, want %v", err, c.want)
			}
		})
	}
	d := newDesk(t, key, 10)
	for _, junk := range []string{"", "!", "e30=", strings.Repeat("A", 5000), encode(t, solve(t, newDesk(t, secret.NewKey(), 10).issue(challenge.SignIn)))} {
		if err := d.Redeem(challenge.SignIn, junk); !errors.Is(err, challenge.ErrUnsolved) {
			t.Errorf("%.20q: %v, want ErrUnsolved", junk, err)
		}
	}
}

func TestReplicasWithOneKeyRedeemEachOthers(t *testing.T) {
	key := secret.NewKey()
	solution := encode(t, solve(t, newDesk(t, key, 10).issue(challenge.Code)))
	if err := newDesk(t, key, 10).Redeem(challenge.Code, solution); err != nil {
		t.Error(err)
	}
}

func TestWhatIsRememberedIsBoundedAndForgotten(t *testing.T) {
	d := newDesk(t, secret.NewKey(), 3)
	redeem := func() error { return d.Redeem(challenge.SignUp, encode(t, solve(t, d.issue(challenge.SignUp)))) }
	for range 3 {
		if err := redeem(); err != nil {
			t.Fatal(err)
		}
	}
	if err := redeem(); !errors.Is(err, challenge.ErrFull) {
		t.Errorf("a fourth: %v, want ErrFull", err)
	}
	d.now = d.now.Add(11 * time.Minute) // two lives
	if err := redeem(); err != nil {
		t.Errorf("after the others have expired: %v", err)
	}
}

func TestParallelRedemptionsOfOneSolutionSucceedOnce(t *testing.T) {
	d := newDesk(t, secret.NewKey(), 10)
	solution := encode(t, solve(t, d.issue(challenge.SignUp)))
	var taken atomic.Int64
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if d.Redeem(challenge.SignUp, solution) == nil {
				taken.Add(1)
			}
		})
	}
	all.Wait()
	if taken.Load() != 1 {
		t.Errorf("redeemed %d times", taken.Load())
	}
}

func TestDifficultyStaysInItsBounds(t *testing.T) {
	d := newDesk(t, secret.NewKey(), 10)
	for asked, want := range map[int64]int64{-1: challenge.MinDifficulty, 0: challenge.MinDifficulty, 5000: 5000, 1 << 60: challenge.MaxDifficulty} {
		c, err := d.Issue(challenge.SignUp, asked, "")
		if err != nil || c.MaxNumber != want {
			t.Errorf("asked for %d: %d, %v; want %d", asked, c.MaxNumber, err, want)
		}
	}
}

func TestAnIncompleteConfigIsRefused(t *testing.T) {
	for name, c := range map[string]challenge.Config{
		"no key":      {Lifetime: time.Minute, MaxSpent: 1, Now: time.Now},
		"no lifetime": {Key: secret.NewKey(), MaxSpent: 1, Now: time.Now},
		"no bound":    {Key: secret.NewKey(), Lifetime: time.Minute, Now: time.Now},
		"no clock":    {Key: secret.NewKey(), Lifetime: time.Minute, MaxSpent: 1},
	} {
		if _, err := challenge.New(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// Whatever comes as a solution, and however it is spelt: the same work is redeemed once.
func FuzzRedeem(f *testing.F) {
	key := secret.NewKey()
	d := newDesk(f, key, 1<<20)
	good := solve(f, d.issue(challenge.SignUp))
	f.Add(encode(f, good))
	f.Add("")
	f.Add("e30=")
	f.Fuzz(func(t *testing.T, solution string) {
		d := newDesk(t, key, 10)
		if err := d.Redeem(challenge.SignUp, encode(t, good)); err != nil {
			t.Fatal(err)
		}
		if err := d.Redeem(challenge.SignUp, solution); err == nil {
			t.Errorf("redeemed once more by %q", solution)
		}
	})
}

func BenchmarkRedeem(b *testing.B) {
	d := newDesk(b, secret.NewKey(), 1<<30)
	c := d.issue(challenge.SignUp)
	solution := encode(b, solve(b, c))
	b.ReportAllocs()
	for b.Loop() {
		_ = d.Redeem(challenge.SignUp, solution)
	}
}
