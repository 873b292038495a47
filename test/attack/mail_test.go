package attack_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	doorward "github.com/doorward/doorward/sdk"
)

const (
	// hourly is how many codes an address is sent in an hour, and daily in a day, where solved challenges lift the hour's bound. They are small here, so that
	// few calls reach them.
	hourly, daily = 3, 6
	// bombers are how many strangers ask at once, each of them from an address of its own.
	bombers = 3
)

// bombing has strangers make authn mail to one address whatever it will: by sign-ups with one that is free and with one that is taken, under one spelling and under many,
// and, for that, by sign-ins of somebody who has its password. The strangers solve every challenge. The rates and the interval between codes are put out of the way: the quotas must do
// without them. Owners get fewer mails than authn queues, for notify tells them of sign-ups with their address once and then not for a while.
func bombing(t *testing.T, s *suite) {
	s.unpace(t)
	o := s.newOwner(t, "bombed")
	free, calls := unknown("bombed"), min(16**scale, 2000)
	bomb := func(call func(ctx context.Context, from doorward.From, n int) (*doorward.Attempt, error)) *tally {
		var heard tally
		besiege(t.Context(), calls, bombers, 0, func(ctx context.Context, n int) { heard.add(call(ctx, s.crowd.next(), n)) })
		return &heard
	}
	s.tightenCodes(t)
	fresh := bomb(func(ctx context.Context, from doorward.From, n int) (*doorward.Attempt, error) {
		return s.beginSignUp(ctx, spelled(free, n), from)
	})
	taken := bomb(func(ctx context.Context, from doorward.From, _ int) (*doorward.Attempt, error) {
		return s.beginSignUp(ctx, o.email, from)
	})
	stolen := bomb(func(ctx context.Context, from doorward.From, _ int) (*doorward.Attempt, error) {
		return s.beginSignIn(ctx, o, from)
	})
	if signedUp := 1 + taken.of(mailed); signedUp > daily || fresh.of(mailed) > daily || stolen.of(mailed) > daily {
		t.Errorf("queued were %d mails to a taken address, %d to a free one, and %d for sign-ins", signedUp, fresh.of(mailed), stolen.of(mailed))
	}
	var all []string
	for n := range calls {
		all = append(all, spelled(free, n))
	}
	s.awaitMails(t, daily, "sign-ups with a free address under many spellings: "+fresh.String(), all...)
	s.awaitMails(t, 2*daily, "sign-ups with a taken address, the owner's own among them: "+taken.String()+"; sign-ins with its password: "+stolen.String(), o.email)
}

// tightenCodes lowers how many codes an address is sent.
func (s *suite) tightenCodes(t *testing.T) {
	t.Helper()
	s.tune(t, func(p *authnv1.Policy) { p.CodesPerHour, p.CodesPerDay = hourly, daily })
}

// spelled is one of many spellings of a mailbox.
func spelled(email string, n int) string {
	return strings.Replace(email, "@", fmt.Sprintf("+%d@", n), 1)
}

// bombingFromOne has one address make authn mail to as many people as it will.
func bombingFromOne(t *testing.T, s *suite) {
	const most = 10
	s.unpace(t)
	s.tune(t, func(p *authnv1.Policy) { p.CodesPerNetworkDay = most })
	var heard tally
	from := s.crowd.next()
	besiege(t.Context(), min(16**scale, 200), bombers, 0, func(ctx context.Context, _ int) {
		heard.add(s.beginSignUp(ctx, unknown("spammed"), from))
	})
	t.Logf("mails from one address: %d (at most %d a day): %s", heard.of(mailed), most, &heard)
	if heard.of(mailed) > most {
		t.Errorf("%d mails", heard.of(mailed))
	}
}

// bombingAll has somebody with a network of IPv6, and then somebody with networks everywhere, make authn mail to as many people as they will. The strangers solve
// every challenge. Who has one /32 has a quarter of an hour's codes, and all strangers together have an hour's. Then nobody signs up, and everybody else goes on: an
// owner is mailed a code on the known device, and after the right password on one that isn't known.
func bombingAll(t *testing.T, s *suite) {
	s.unpace(t)
	o := s.newOwner(t, "undisturbed")
	total := int32(100 * min(*scale, 10))
	s.tune(t, func(p *authnv1.Policy) { p.CodesPerDeploymentHour = total })
	var one, all tally
	besiege(t.Context(), int(total)/4/asks+2, bombers, 0, func(ctx context.Context, n int) { s.ask(ctx, sameProvider(n), &one) })
	besiege(t.Context(), int(total)/asks+2, bombers, 0, func(ctx context.Context, n int) { s.ask(ctx, otherProvider(n), &all) })
	t.Logf("mails from one /32 of IPv6: %d (at most %d an hour): %s", one.of(mailed), total/4, &one)
	t.Logf("mails from everywhere: %d (at most %d an hour): %s", one.of(mailed)+all.of(mailed), total, &all)
	if one.of(mailed) > int(total)/4 || one.of(mailed)+all.of(mailed) > int(total) {
		t.Errorf("%d and %d mails", one.of(mailed), all.of(mailed))
	}
	if one.of(codesUsedUp) == 0 || all.of("REASON_RATE_LIMITED") == 0 {
		t.Error("the strangers didn't use up what they may, which shows nothing")
	}
	if a, err := s.beginSignIn(t.Context(), o, s.crowd.next()); answer(a, err) != mailed {
		t.Errorf("with the right password, on a device that isn't known: %s", answer(a, err))
	}
	must(t, o.travel(t, "JP"))
}

// asks is how many codes one stranger asks for: fewer than an address is sent in an hour, and a /48 may have of the fewest that a deployment has.
const asks = 9

// ask signs up, and asks for a code again and again.
func (s *suite) ask(ctx context.Context, from doorward.From, heard *tally) {
	a, err := s.beginSignUp(ctx, unknown("flooded"), from)
	heard.add(a, err)
	for n := 1; n < asks && err == nil; n++ {
		err = a.SendCode(ctx)
		heard.add(a, err)
	}
}

// beginSignIn goes as far as a stranger with the password gets, to the code that is mailed.
func (s *suite) beginSignIn(ctx context.Context, o *owner, from doorward.From) (*doorward.Attempt, error) {
	a, err := s.try(ctx, o.email, o.password, from)
	if err != nil {
		return nil, err
	}
	return a, a.SendCode(ctx)
}

// awaitMails counts what a mailbox got, under all its spellings, once nothing more comes.
func (s *suite) awaitMails(t *testing.T, most int, what string, spellings ...string) {
	t.Helper()
	const quiet = 3 * time.Second
	mails, last := 0, time.Now()
	for time.Since(last) < quiet && wait(t.Context(), quiet/10) {
		now := 0
		for _, email := range spellings {
			now += len(s.Mails(email))
		}
		if now > mails {
			mails, last = now, time.Now()
		}
	}
	t.Logf("mails in one mailbox: %d (at most %d a day); %s", mails, most, what)
	if mails > most {
		t.Errorf("%d mails", mails)
	}
}
