package flow

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// Specimens are those of the store's password forms, for a pool that is about to start.
func Specimens(ctx context.Context, s store.Store) (forms []string, err error) {
	err = s.View(ctx, func(tx store.Tx) error {
		all, err := tx.Specimens.List()
		for _, specimen := range all {
			forms = append(forms, specimen.Form)
		}
		return err
	})
	return forms, err
}

// forms are what the batch's passwords cost.
func (b importBatch) forms() []credential.Inspection {
	var all []credential.Inspection
	for _, row := range b.rows {
		if len(row.problems) == 0 && row.Form != nil {
			all = append(all, *row.Form)
		}
	}
	return all
}

// expect has the pool's deadline lie above forms that are about to be stored, and remembers them for the next start. One at a time, so that a caller who had
// no time for all of them finds the first ones done the next time.
func (f *Imports) expect(ctx context.Context, forms []credential.Inspection) error {
	for len(forms) > 0 {
		costlier, err := f.costlier(ctx, forms)
		if err != nil || len(costlier) == 0 {
			return err
		}
		if err := f.measure(ctx, forms); err != nil {
			return err
		}
	}
	return nil
}

// costlier are those of the forms that cost more than the specimens tell.
func (f *Imports) costlier(ctx context.Context, forms []credential.Inspection) (more []credential.Specimen, err error) {
	err = f.Store.View(ctx, func(tx store.Tx) error {
		known, err := tx.Specimens.List()
		more = credential.Costlier(known, forms)
		return err
	})
	return more, err
}

// measure measures one of the forms that cost more, if there still are any when its turn comes.
func (f *Imports) measure(ctx context.Context, forms []credential.Inspection) error {
	select {
	case f.measuring <- struct{}{}:
		defer func() { <-f.measuring }()
	case <-ctx.Done():
		return ctx.Err()
	}
	costlier, err := f.costlier(ctx, forms)
	if err != nil || len(costlier) == 0 {
		return err
	}
	if err := f.Pool.Expect([]string{costlier[0].Form}); err != nil {
		return fmt.Errorf("measure %s: %w", costlier[0].Kind, err)
	}
	return f.keepSpecimen(context.WithoutCancel(ctx), costlier[0]) // measured is measured, whoever still waits
}

// keepSpecimen remembers a form that was measured, unless a costlier one of its kind was meanwhile.
func (f *Imports) keepSpecimen(ctx context.Context, s credential.Specimen) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	return f.Store.Update(ctx, func(tx store.Tx) error {
		known, err := tx.Specimens.List()
		if err != nil {
			return err
		}
		for _, k := range known {
			if k.Kind == s.Kind && k.Work >= s.Work {
				return nil
			}
		}
		return tx.Specimens.Put(s)
	})
}
