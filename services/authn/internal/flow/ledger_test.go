package flow_test

import (
	"context"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/lockout"
	"github.com/doorward/doorward/services/authn/internal/quota"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// ledger is a store that keeps count of what is asked of it: transactions by their kind, and calls by role and method. Its user counts one call at a time.
type ledger struct {
	store.Store
	calls map[string]int
}

func (l *ledger) View(ctx context.Context, fn func(store.Tx) error) error {
	l.calls["View"]++
	return l.Store.View(ctx, func(tx store.Tx) error { return fn(l.counted(tx)) })
}

func (l *ledger) Update(ctx context.Context, fn func(store.Tx) error) error {
	l.calls["Update"]++
	return l.Store.Update(ctx, func(tx store.Tx) error { return fn(l.counted(tx)) })
}

// spent are the calls since it was last asked.
func (l *ledger) spent() map[string]int {
	spent := l.calls
	l.calls = map[string]int{}
	return spent
}

func (l *ledger) counted(tx store.Tx) store.Tx {
	tx.Users = countedUsers{tx.Users, l}
	tx.Devices = countedDevices{tx.Devices, l}
	tx.Sessions = countedSessions{tx.Sessions, l}
	tx.Attempts = countedAttempts{tx.Attempts, l}
	tx.Budgets = countedBudgets{tx.Budgets, l}
	tx.Lockouts = countedLockouts{tx.Lockouts, l}
	tx.Outbox = countedOutbox{tx.Outbox, l}
	tx.Audit = countedAudit{tx.Audit, l}
	return tx
}

type countedUsers struct {
	store.Users
	l *ledger
}

func (c countedUsers) Get(id string) (account.User, bool, error) {
	c.l.calls["Users.Get"]++
	return c.Users.Get(id)
}

func (c countedUsers) ByEmail(canonical string) (account.User, bool, error) {
	c.l.calls["Users.ByEmail"]++
	return c.Users.ByEmail(canonical)
}

func (c countedUsers) OwnerOf(canonical string) (string, bool, error) {
	c.l.calls["Users.OwnerOf"]++
	return c.Users.OwnerOf(canonical)
}

func (c countedUsers) ByMailbox(key string, limit int) ([]account.User, error) {
	c.l.calls["Users.ByMailbox"]++
	return c.Users.ByMailbox(key, limit)
}

func (c countedUsers) Put(u account.User) error {
	c.l.calls["Users.Put"]++
	return c.Users.Put(u)
}

type countedDevices struct {
	store.Devices
	l *ledger
}

func (c countedDevices) Get(id string) (device.Device, bool, error) {
	c.l.calls["Devices.Get"]++
	return c.Devices.Get(id)
}

func (c countedDevices) OfUser(userID string) ([]device.Device, error) {
	c.l.calls["Devices.OfUser"]++
	return c.Devices.OfUser(userID)
}

func (c countedDevices) BySecret(digest secret.Digest) (device.Device, bool, error) {
	c.l.calls["Devices.BySecret"]++
	return c.Devices.BySecret(digest)
}

func (c countedDevices) Put(d device.Device) error {
	c.l.calls["Devices.Put"]++
	return c.Devices.Put(d)
}

type countedSessions struct {
	store.Sessions
	l *ledger
}

func (c countedSessions) Get(id string) (session.Session, bool, error) {
	c.l.calls["Sessions.Get"]++
	return c.Sessions.Get(id)
}

func (c countedSessions) ActiveOfUser(userID string) ([]session.Session, error) {
	c.l.calls["Sessions.ActiveOfUser"]++
	return c.Sessions.ActiveOfUser(userID)
}

func (c countedSessions) Put(s session.Session) error {
	c.l.calls["Sessions.Put"]++
	return c.Sessions.Put(s)
}

type countedAttempts struct {
	store.Attempts
	l *ledger
}

func (c countedAttempts) Get(id string) (attempt.Attempt, bool, error) {
	c.l.calls["Attempts.Get"]++
	return c.Attempts.Get(id)
}

func (c countedAttempts) OfIdentifier(key [32]byte, limit int) ([]attempt.Attempt, error) {
	c.l.calls["Attempts.OfIdentifier"]++
	return c.Attempts.OfIdentifier(key, limit)
}

func (c countedAttempts) Put(a attempt.Attempt) error {
	c.l.calls["Attempts.Put"]++
	return c.Attempts.Put(a)
}

func (c countedAttempts) Delete(id string) error {
	c.l.calls["Attempts.Delete"]++
	return c.Attempts.Delete(id)
}

type countedBudgets struct {
	store.Budgets
	l *ledger
}

func (c countedBudgets) Get(key [32]byte) (quota.Budget, error) {
	c.l.calls["Budgets.Get"]++
	return c.Budgets.Get(key)
}

func (c countedBudgets) Put(key [32]byte, b quota.Budget, until time.Time) error {
	c.l.calls["Budgets.Put"]++
	return c.Budgets.Put(key, b, until)
}

type countedLockouts struct {
	store.Lockouts
	l *ledger
}

func (c countedLockouts) Get(key [32]byte) (lockout.Record, error) {
	c.l.calls["Lockouts.Get"]++
	return c.Lockouts.Get(key)
}

func (c countedLockouts) Put(key [32]byte, r lockout.Record, until time.Time) error {
	c.l.calls["Lockouts.Put"]++
	return c.Lockouts.Put(key, r, until)
}

type countedOutbox struct {
	outbox.Appender
	l *ledger
}

func (c countedOutbox) Append(row outbox.Row) error {
	c.l.calls["Outbox.Append"]++
	return c.Appender.Append(row)
}

type countedAudit struct {
	audit.Log
	l *ledger
}

func (c countedAudit) Append(r audit.Record) error {
	c.l.calls["Audit.Append"]++
	return c.Log.Append(r)
}
