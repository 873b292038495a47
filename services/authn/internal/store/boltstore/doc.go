// Package boltstore keeps authn's storage contract on one machine: one bbolt file, written by group commit.
//
// It owns the file's buckets, the layout of the records in them, and the indexes; internal/boltdb owns the file, the transactions and
// the roles that every service shares (outbox, policy, audit). It knows no rule of the domain. Called by authn's wiring and by the
// operator's commands that work on the file.
//
//	users ──── users_by_email (unique: those that name it)     applications ── applications_by_name (unique)
//	           users_by_external_id, users_by_import (unique)
//	           users_by_mailbox                                password_specimens
//	devices ── devices_by_user, devices_by_secret (unique)     api_keys ────── api_keys_by_secret (unique)
//	sessions ─ sessions_by_user, sessions_active_by_user,      signing_keys
//	           sessions_by_expiry                              alerts ──────── alerts_by_time
//	attempts ─ attempts_by_account_key, attempts_by_expiry     budgets ─────── budgets_by_expiry
//	restrictions ─ restriction_additions (the same keys),      lockouts ────── lockouts_by_expiry
//	           restriction_state, restriction_changes
//	invitations ─ invitations_by_secret (unique), invitations_by_email,
//	           invitations_open_by_email, invitations_by_end
//
// Records are the domain's types as JSON, and a test holds their layout to a file: a renamed field fails it before it loses data.
// Whoever changes the layout on purpose gives the table a new version and an Upgrade. Records hold digests, keyed hashes and sealed
// bytes, never a secret.
package boltstore
