package attack_test

import (
	"context"
	"testing"
	"time"

	doorward "github.com/doorward/doorward/sdk"
)

const (
	// hourly is how many codes an address is sent in an hour.
	hourly = 10
	// bombers are how many strangers ask at once, each of them from an address of its own.
	bombers = 3
)

// bombing has strangers make authn mail to one address whatever it will: by sign-ups with one that is free and with one that is taken, and, for that, by
// sign-ins of somebody who has its password. The rates are put out of the way: the quota must do without them. Owners get fewer mails than authn
// queues, for notify tells them of sign-ups with their address once and then not for a while.
func bombing(t *testing.T, s *suite) {
	s.unpace(t)
	o := s.newOwner(t, "bombed")
	free, calls := unknown("bombed"), min(16**scale, 2000)
	bomb := func(call func(ctx context.Context, from doorward.From) (*doorward.Attempt, error)) *tally {
		var heard tally
		besiege(t.Context(), calls, bombers, 0, func(ctx context.Context, _ int) { heard.add(call(ctx, s.crowd.next())) })
		return &heard
	}
	began := time.Now()
	fresh := bomb(func(ctx context.Context, from doorward.From) (*doorward.Attempt, error) {
		return s.beginSignUp(ctx, free, from)
	})
	taken := bomb(func(ctx context.Context, from doorward.From) (*doorward.Attempt, error) {
		return s.beginSignUp(ctx, o.email, from)
	})
	stolen := bomb(func(ctx context.Context, from doorward.From) (*doorward.Attempt, error) {
		return s.beginSignIn(ctx, o, from)
	})
	most := hourly * (1 + int(time.Since(began)/time.Hour))

	if queued := 1 + taken.of(mailed) + stolen.of(mailed); queued > most || fresh.of(mailed) > most {
		t.Errorf("%d mails to a taken address and %d to a free one were queued", queued, fresh.of(mailed))
	}
	s.awaitMails(t, free, most, "sign-ups with a free address: "+fresh.String())
	s.awaitMails(t, o.email, most, "sign-ups with a taken address, the owner's own among them: "+taken.String()+"; sign-ins with its password: "+stolen.String())
}

// beginSignIn goes as far as a stranger with the password gets, to the code that is mailed.
func (s *suite) beginSignIn(ctx context.Context, o *owner, from doorward.From) (*doorward.Attempt, error) {
	a, err := s.try(ctx, o.email, o.password, from)
	if err != nil {
		return nil, err
	}
	return a, a.SendCode(ctx)
}

// awaitMails counts what an address got once nothing more comes.
func (s *suite) awaitMails(t *testing.T, email string, most int, what string) {
	t.Helper()
	const quiet = 3 * time.Second
	mails, last := 0, time.Now()
	for time.Since(last) < quiet && wait(t.Context(), quiet/10) {
		if now := len(s.Mails(email)); now > mails {
			mails, last = now, time.Now()
		}
	}
	t.Logf("mails in one mailbox: %d (at most %d an hour); %s", mails, most, what)
	if mails > most {
		t.Errorf("%d mails", mails)
	}
}
