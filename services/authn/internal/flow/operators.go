package flow

import (
	"context"
	"fmt"
	"time"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/authn/internal/application"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// Operators keeps applications and their API keys.
type Operators struct {
	store store.Store
	now   func() time.Time
}

// NewOperators puts the use cases together.
func NewOperators(s store.Store, now func() time.Time) *Operators {
	return &Operators{store: s, now: now}
}

// CreateApplication registers an application, without a key.
func (f *Operators) CreateApplication(ctx context.Context, by Actor, name, audience string) (application.Application, error) {
	now := f.now()
	made := application.Application{ID: id.New("app", now), Name: name, Audience: audience, CreatedAt: now}
	err := f.store.Update(ctx, func(tx store.Tx) error { return register(tx, by, made, now) })
	if err != nil {
		return application.Application{}, fmt.Errorf("create application: %w", err)
	}
	return made, nil
}

func register(tx store.Tx, by Actor, a application.Application, now time.Time) error {
	_, taken, err := tx.Applications.ByName(a.Name)
	if err != nil {
		return err
	}
	if taken {
		return errNameTaken
	}
	if err := tx.Applications.Put(a); err != nil {
		return err
	}
	return tx.Audit.Append(by.record(now, "application.create", "application", a.ID, ""))
}

// ApplicationKeys is an application and its keys, oldest first.
type ApplicationKeys struct {
	application.Application
	Keys []application.Key
}

// ListApplications is a page of the applications by name, with their keys, and the name after which the next page begins.
func (f *Operators) ListApplications(ctx context.Context, after string, limit int) (page []ApplicationKeys, next string, err error) {
	err = f.store.View(ctx, func(tx store.Tx) error {
		apps, err := tx.Applications.List(after, limit+1)
		if err != nil {
			return err
		}
		keys, err := tx.Applications.Keys()
		if err != nil {
			return err
		}
		of := make(map[string][]application.Key, len(apps))
		for _, k := range keys {
			of[k.ApplicationID] = append(of[k.ApplicationID], k)
		}
		page = make([]ApplicationKeys, len(apps))
		for i, a := range apps {
			page[i] = ApplicationKeys{Application: a, Keys: of[a.ID]}
		}
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("list applications: %w", err)
	}
	page, next = cut(page, limit, func(a ApplicationKeys) string { return a.Name })
	return page, next, nil
}
