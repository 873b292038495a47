package flow

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/lockout"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// answerCode checks a mailed code. The comparison costs nothing, so reservation and settlement are one transaction.
func (f *Attempts) answerCode(ctx context.Context, t try, code secret.Text) (Progress, error) {
	past, err := f.pastBudget(ctx, t, attempt.EmailCode)
	if err != nil {
		return Progress{}, err
	}
	if past {
		if err := f.challenged(ctx, t.ticket.Client, work(t.Attempt.Purpose)); err != nil {
			return Progress{}, err
		}
	}
	mac := t.Attempt.CodeMAC(f.Secrets.Codes, code)
	key := f.Secrets.lockoutKey(t.Attempt.Canonical, attempt.EmailCode)
	reservation := id.New("ans", t.now)
	m := newMaterial(t.now)
	var p Progress
	var refused error
	err = f.Store.Update(ctx, func(tx store.Tx) (err error) {
		refused = nil
		if p, err = f.reopen(tx, t); err != nil || p.Step == attempt.Refused {
			return err
		}
		a := p.Attempt
		record, err := tx.Lockouts.Get(key)
		if err != nil {
			return err
		}
		rules := t.rules.Lockout()
		if verdict := record.Reserve(reservation, t.who(), rules, t.now); !verdict.Admitted {
			refused = t.tooManyFailures(verdict)
			return nil
		}
		outcome := a.AnswerCode(mac, t.now)
		if outcome == attempt.Accepted {
			record.Settle(reservation, lockout.Right)
		} else {
			record.Settle(reservation, lockout.Wrong)
		}
		if err := tx.Lockouts.Put(key, record, record.ForgetAt(rules)); err != nil {
			return err
		}
		if outcome == attempt.Accepted {
			p, err = f.advance(tx, a, t, m)
		} else {
			a.Wrong++
			p, err = f.fail(tx, a, t, wrong{factor: attempt.EmailCode, known: t.known})
		}
		t.fared(&p, attempt.EmailCode, outcome)
		return err
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return Progress{}, fmt.Errorf("answer code: %w", err)
	}
	return f.grant(p, t.rules.SessionTokenLifetime)
}
