package risk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/services/risk/internal/score"
	"github.com/doorward/doorward/services/risk/internal/store"
	"github.com/doorward/doorward/services/risk/internal/store/boltstore"
)

// Policy is what an operator may tune while risk runs. It lives in risk's store.
type Policy = score.Policy

// Verdict is the most that a signal may demand of a sign-in: Policy.Caps.
type Verdict = score.Verdict

// The verdicts in rising order.
const (
	Allow        = score.Allow
	VerifyDevice = score.VerifyDevice
	Refuse       = score.Refuse
)

// storeFile is risk's store within the data directory.
const storeFile = "risk.db"

// Bootstrap stores a deployment's first policy: the defaults as change alters them. Where there ever was one it does nothing. It works on
// the file, while the service is stopped, and is audited. Development uses it, where everybody comes from loopback and every country is
// unknown.
func Bootstrap(ctx context.Context, dataDir string, now func() time.Time, change func(*Policy)) error {
	s, err := boltstore.Open(filepath.Join(dataDir, storeFile), boltstore.Options{Now: now})
	if err != nil {
		return fmt.Errorf("bootstrap risk: %w", err)
	}
	err = bootstrap(ctx, s, now, change)
	if err = errors.Join(err, s.Close()); err != nil {
		return fmt.Errorf("bootstrap risk: %w", err)
	}
	return nil
}

func bootstrap(ctx context.Context, s store.Store, now func() time.Time, change func(*Policy)) error {
	policies, err := openPolicies(ctx, s, Deps{Now: now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	first := score.DefaultPolicy()
	change(&first)
	return s.Update(ctx, func(tx store.Tx) error {
		if _, found, err := tx.Policies.Current(); err != nil || found {
			return err
		}
		record, err := policies.Update(tx.Policies, policy.Change[Policy]{Value: first, By: "risk", Reason: "bootstrap"})
		if err != nil {
			return err
		}
		return tx.Audit.Append(audit.Record{
			ID: id.New("aud", record.ChangedAt), At: record.ChangedAt, Actor: audit.Actor{Kind: audit.System, ID: "risk"},
			Action: "policy.change", Authority: "bootstrap", Outcome: audit.Done,
			Detail: audit.Details("version", record.Version, "value", string(record.Value)),
		})
	})
}

func openPolicies(ctx context.Context, s store.Store, deps Deps) (*policy.Store[Policy], error) {
	return policy.Open(ctx, policy.Config[Policy]{
		Defaults: score.DefaultPolicy(),
		Validate: Policy.Validate,
		Read: func(ctx context.Context, fn func(policy.Records) error) error {
			return s.View(ctx, func(tx store.Tx) error { return fn(tx.Policies) })
		},
		Now:        deps.Now,
		Logger:     deps.Logger,
		Registerer: deps.Registerer,
	})
}
